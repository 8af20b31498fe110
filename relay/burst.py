"""How the packets of one wake-up are grouped for generic segmentation offload.

The kernel cuts a buffer into segments of one size, of which only the last may be
shorter. Packets a little short are filled by RTP padding; a packet too short or
larger than that starts a new group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relay.packet import pad_packet

MAX_FILL_BYTES = 64
MAX_GROUP_PACKETS = 44  # 44 segments of 1450 bytes stay under 65,507 bytes


def group_packets(
    packets: Sequence[bytes], max_fill_bytes: int = MAX_FILL_BYTES
) -> Iterator[list[bytes]]:
    """Groups in order; all packets of a group but the last have one size."""
    group: list[bytes] = []
    largest = smallest = 0
    for packet in packets:
        size = len(packet)
        if group:
            new_largest = max(largest, size)
            if (
                new_largest - smallest > max_fill_bytes
                or len(group) == MAX_GROUP_PACKETS
            ):
                yield _fill(group, largest)
                group = []
        if not group:
            largest = smallest = size
        group.append(packet)
        largest, smallest = max(largest, size), min(smallest, size)
    if group:
        yield _fill(group, largest)


def _fill(group: list[bytes], size: int) -> list[bytes]:
    """The last packet stays short: it may be, and most often is."""
    if len(group) == 1:
        return group
    return [pad_packet(packet, size) for packet in group[:-1]] + group[-1:]
