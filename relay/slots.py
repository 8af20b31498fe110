"""Which participants a viewer's slots show: pure decisions.

Participants are stream ids in the order in which they joined; "" is an empty slot.
A slot changes only when it must: each change costs the viewer a key frame.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

ALL = -1
LOUDER_BY = 8  # -dBov; less is not worth a change of an audio slot

Content = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the viewer asked of its video slots."""

    pinned: Mapping[int, str] = field(default_factory=dict)  # slot -> participant
    page: tuple[int, int] | None = None  # offset and size; None: who speaks
    most: int = ALL  # slots in use


def rank(participants: Iterable[str], spoke_at: Mapping[str, float]) -> list[str]:
    """The participants by when they spoke last, the others as they joined."""
    return sorted(participants, key=lambda who: -spoke_at.get(who, 0.0))


def assign_video(
    content: Content,
    participants: Sequence[str],
    wishes: Wishes,
    *,
    ranked: Sequence[str],
    speakers: Collection[str],
) -> Content:
    """What the video slots show next.

    Pinned participants first, each in its own slot. The others by the page the
    viewer asked for; without one: who speaks now, who is shown already, and who
    spoke or joined before the others. `ranked`: all participants as `rank` has them.
    """
    count = len(content)
    usable = count if wishes.most < 0 else min(wishes.most, count)
    pinned = _valid_pins(wishes.pinned, participants, usable)
    places = usable - len(pinned)
    taken = set(pinned.values())
    if wishes.page is not None:
        offset, size = wishes.page
        if participants and offset >= len(participants):  # some have left: the last
            offset = (len(participants) - 1) // size * size
        wanted = [p for p in participants[offset : offset + size] if p not in taken]
    else:
        shown = set(content[:usable])
        order = sorted(ranked, key=lambda who: (who not in speakers, who not in shown))
        wanted = [who for who in order if who not in taken]
    return _place(content, wanted[:places], pinned, usable)


def _valid_pins(
    pinned: Mapping[int, str], participants: Sequence[str], usable: int
) -> dict[int, str]:
    """Of present participants, in slots that are used, each of them once."""
    present = set(participants)
    valid: dict[int, str] = {}
    for slot in sorted(pinned):
        if slot < usable and pinned[slot] in present:
            valid[slot] = pinned[slot]
            present.discard(pinned[slot])
    return valid


def _place(
    content: Content, wanted: Iterable[str], pinned: Mapping[int, str], usable: int
) -> Content:
    """Who is wanted and has a place keeps it, the others get the free ones."""
    left = dict.fromkeys(wanted)
    placed = [""] * len(content)
    for slot in range(usable):
        if slot in pinned:
            placed[slot] = pinned[slot]
        elif content[slot] in left:
            placed[slot] = content[slot]
            del left[content[slot]]
    free = (slot for slot in range(usable) if not placed[slot])
    for slot, who in zip(free, left, strict=False):
        placed[slot] = who
    return tuple(placed)


def by_loudness(levels: Mapping[str, int], speakers: Collection[str]) -> list[str]:
    """Who is to be heard before whom: those who speak, then the loudest."""
    return sorted(levels, key=lambda who: (who not in speakers, levels[who]))


def assign_audio(
    content: Content,
    present: Collection[str],
    loudest: Iterable[str],
    levels: Mapping[str, int],
    threshold: int,
    speakers: Collection[str],
) -> Content:
    """What the audio slots carry next: the loudest of those `present`.

    `loudest`: everybody as `by_loudness` has them; `levels` in -dBov, above
    `threshold` is silence. Who speaks gives way only to somebody who speaks, too, and
    is louder by `LOUDER_BY`. Free slots are filled even with the silent, so their
    first word is heard.
    """
    kept = [who if who in present else "" for who in content]
    held = frozenset(kept)
    outside = (who for who in loudest if who in present and who not in held)
    for slot, who in enumerate(kept):
        if not who:
            kept[slot] = next(outside, "")
    for challenger in outside if kept else ():
        if levels[challenger] > threshold:
            continue
        slot = max(
            range(len(kept)),
            key=lambda slot: (kept[slot] not in speakers, levels[kept[slot]]),
        )
        if not _gives_way(kept[slot], challenger, levels, threshold, speakers):
            break
        kept[slot] = challenger
    return tuple(kept)


def _gives_way(
    occupant: str,
    challenger: str,
    levels: Mapping[str, int],
    threshold: int,
    speakers: Collection[str],
) -> bool:
    if (challenger in speakers) != (occupant in speakers):
        return challenger in speakers
    is_silent = levels[occupant] > threshold
    return is_silent or levels[challenger] + LOUDER_BY <= levels[occupant]
