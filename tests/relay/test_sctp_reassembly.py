"""Messages put together from chunks in any order, as aiortc's own would."""

from __future__ import annotations

from aiortc.rtcsctptransport import DataChunk, InboundStream
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.sctp_reassembly import FIRST, LAST, UNORDERED, Message, Reassembly


def chunks_of(messages: list[tuple[int, bool]], first_tsn: int = 0) -> list[DataChunk]:
    """The chunks of messages, each given as (number of fragments, ordered)."""
    chunks = []
    tsn, seq = first_tsn, 0
    for fragments, ordered in messages:
        for index in range(fragments):
            chunk = DataChunk()
            chunk.flags = 0 if ordered else UNORDERED
            chunk.flags |= FIRST if index == 0 else 0
            chunk.flags |= LAST if index == fragments - 1 else 0
            chunk.tsn = tsn
            chunk.stream_id, chunk.protocol = 2, 53
            chunk.stream_seq = seq if ordered else 0
            chunk.user_data = tsn.to_bytes(4)
            chunks.append(chunk)
            tsn = (tsn + 1) % 2**32
        seq += ordered
    return chunks


def feed(
    reassembly: Reassembly | InboundStream, chunks: list[DataChunk]
) -> list[Message]:
    found: list[Message] = []
    for chunk in chunks:
        reassembly.add_chunk(chunk)
        found += reassembly.pop_messages()
    return found


def whole(chunks: list[DataChunk]) -> Message:
    return (2, 53, b"".join(chunk.user_data for chunk in chunks))


MESSAGES = st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8)


@given(MESSAGES, st.integers(0, 2**32 - 1), st.randoms())
@settings(deadline=None)
def test_any_order_of_arrival_gives_all_messages_and_keeps_nothing(
    messages: list[tuple[int, bool]], tsn: int, random: st.DataObject
) -> None:
    chunks = chunks_of(messages, tsn)
    arrived = chunks.copy()
    random.shuffle(arrived)  # type: ignore[attr-defined]
    reassembly = Reassembly()
    found = feed(reassembly, arrived)
    assert reassembly.stored == 0
    expected = feed(Reassembly(), chunks)
    assert sorted(found) == sorted(expected)
    ordered = {whole([c]) for c in chunks if not c.flags & UNORDERED}
    in_order = [m for m in expected if m[2][:4] in {o[2] for o in ordered}]
    assert [m for m in found if m in in_order] == in_order


@given(MESSAGES)
def test_in_order_it_gives_what_aiortc_gives(messages: list[tuple[int, bool]]) -> None:
    chunks = chunks_of(messages)
    assert feed(Reassembly(), chunks) == feed(InboundStream(), chunks)


def test_a_message_waits_for_the_one_before_it() -> None:
    first, second = chunks_of([(1, True), (1, True)])
    reassembly = Reassembly()
    assert feed(reassembly, [second]) == []
    assert reassembly.stored == 1
    assert feed(reassembly, [first]) == [whole([first]), whole([second])]


def test_an_unordered_one_does_not() -> None:
    chunks = chunks_of([(2, True), (1, False)])
    reassembly = Reassembly()
    assert feed(reassembly, chunks[1:]) == [whole(chunks[2:])]
    assert reassembly.stored == 1


def test_what_was_given_up_is_skipped() -> None:
    chunks = chunks_of([(2, True), (1, True)])
    reassembly = Reassembly()
    assert feed(reassembly, [chunks[0], chunks[2]]) == []
    reassembly.sequence_number = 1
    assert list(reassembly.pop_messages()) == [whole(chunks[2:])]
    assert reassembly.prune_chunks(1) == 4
    assert reassembly.stored == 0


def test_a_skip_over_complete_messages_gives_them_first() -> None:
    chunks = chunks_of([(1, True), (1, True), (1, True)])
    reassembly = Reassembly()
    feed(reassembly, chunks[1:])
    reassembly.sequence_number = 2
    assert list(reassembly.pop_messages()) == [whole(chunks[1:2]), whole(chunks[2:])]


def test_a_message_that_goes_on_after_the_skip_is_kept() -> None:
    chunks = chunks_of([(1, True), (3, True)])
    reassembly = Reassembly()
    reassembly.sequence_number = 1
    assert feed(reassembly, chunks[1:3]) == []
    assert reassembly.prune_chunks(2) == 0
    assert feed(reassembly, chunks[3:]) == [whole(chunks[1:])]


def test_the_rest_of_a_lost_message_is_forgotten() -> None:
    chunks = chunks_of([(4, True)])
    reassembly = Reassembly()
    feed(reassembly, chunks[1:3])
    assert reassembly.prune_chunks(2) == 8
    assert reassembly.stored == 0


def test_a_sequence_number_twice_gives_both() -> None:
    first, second, third = chunks_of([(1, True), (1, True), (1, True)])
    third.stream_seq = 1
    reassembly = Reassembly()
    assert feed(reassembly, [second, third]) == [whole([third])]
    assert feed(reassembly, [first]) == [whole([first]), whole([second])]
    assert reassembly.stored == 0
