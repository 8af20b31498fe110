"""The load process of the conference scenario: one room on one relay.

Each participant publishes video and audio and views the room's slots. Run as
`python -m bench.conference JSON`; prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import struct
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import uvloop

from bench.fleet import measure_lag
from bench.measure import cpu_seconds, percentile, rss_bytes
from bench.peer import MediaLoop, Peer
from bench.relay_link import RelayLink, relay_process
from bench.sdp import make_conference_offer, make_slots_answer, parse_remote
from relay import control

ROOM = "Bench/room"
VIDEO_TYPE, AUDIO_TYPE = 96, 111
TICK_S = 0.02  # an audio packet
VIDEO_EVERY = 2  # ticks: 25 frames/s
PACKET_BYTES = 720  # two a frame: about 300 kbit/s with all headers
KEY_FRAME_PACKETS = 8
AUDIO_BYTES = 80
LEVEL_ID = 1
LOUD, QUIET = 25, 90  # -dBov
SPEECH_S = 4.0  # then somebody else speaks
SETTLE_S = 4.0
JOIN_PAUSE_S = 0.05
_HEADER = struct.Struct("!BBHII")
_KEY_FRAME = bytes.fromhex("10 100200 9d012a 4001 f000")
_DELTA_FRAME = bytes.fromhex("10 110200")


@dataclass(frozen=True, slots=True)
class Load:
    """What the process is asked to do."""

    cores: list[int]  # where the relay runs
    participants: int
    video_slots: int
    audio_slots: int
    seconds: float


@dataclass(slots=True)
class Numbers:
    """What came under one SSRC."""

    first: int
    highest: int
    packets: int = 1


class Participant(Peer):
    """Publishes synthetic video and audio."""

    def __init__(self, media: MediaLoop) -> None:
        super().__init__(media)
        self.session = secrets.token_hex(16)
        self.video_ssrc, self.audio_ssrc = (random.getrandbits(32) for _ in range(2))
        self.level = QUIET
        self.packets = 0
        self.key_frames = 0
        self._video_seq, self._audio_seq = (random.getrandbits(15) for _ in range(2))
        self._ticks = 0
        self._wants_key_frame = True

    def offer(self) -> str:
        local = self.describe(setup="actpass", with_candidate=False)
        return make_conference_offer(
            local,
            video=(VIDEO_TYPE, self.video_ssrc),
            audio=(AUDIO_TYPE, self.audio_ssrc),
            level_id=LEVEL_ID,
        )

    def accept(self, answer: str) -> None:
        remote = parse_remote(answer)
        self.bind(remote)
        self.start(remote, controlling=True, dtls_client=True)

    def handle_rtcp(self, data: bytes) -> None:
        kind, fmt = data[1], data[0] & 0x1F
        self._wants_key_frame |= kind == 206 and fmt in (1, 4)

    async def run(self) -> None:
        """An audio packet a tick and a frame every other one, for ever."""
        await asyncio.sleep(random.uniform(0, TICK_S * VIDEO_EVERY))
        start = time.monotonic()
        while True:
            due = start + self._ticks * TICK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._send_audio()
            if self._ticks % VIDEO_EVERY == 0:
                self._send_frame()
            self._ticks += 1

    def _send_audio(self) -> None:
        # One element of the one-byte form, padded to a word (RFC 8285 4.2).
        extension = struct.pack("!HHBBxx", 0xBEDE, 1, LEVEL_ID << 4, self.level | 0x80)
        header = _HEADER.pack(
            0x90, AUDIO_TYPE, self._audio_seq, self._ticks * 960, self.audio_ssrc
        )
        self._audio_seq = (self._audio_seq + 1) & 0xFFFF
        self._send_packet(header + extension + bytes(AUDIO_BYTES))

    def _send_frame(self) -> None:
        count, start = 2, _DELTA_FRAME
        if self._wants_key_frame:
            self._wants_key_frame = False
            self.key_frames += 1
            count, start = KEY_FRAME_PACKETS, _KEY_FRAME
        for index in range(count):
            marker = 0x80 if index == count - 1 else 0
            header = _HEADER.pack(
                0x80,
                VIDEO_TYPE | marker,
                self._video_seq,
                self._ticks * 1800 & 0xFFFFFFFF,
                self.video_ssrc,
            )
            self._video_seq = (self._video_seq + 1) & 0xFFFF
            body = start if index == 0 else b"\x00"
            self._send_packet(header + body.ljust(PACKET_BYTES, b"\x55"))

    def _send_packet(self, packet: bytes) -> None:
        if self.outbound is not None:
            self.packets += 1
            self.send(self.outbound.protect(packet))


class Seat(Peer):
    """Views the room; counts packets by their header and decrypts none."""

    def __init__(self, media: MediaLoop) -> None:
        super().__init__(media)
        self.session = secrets.token_hex(16)
        self.packets = 0
        self.bytes = 0
        self.numbers: dict[bytes, Numbers] = {}  # by the header's SSRC

    def answer(self, offer: str) -> str:
        remote = parse_remote(offer)
        self.bind(remote)
        local = self.describe(setup="active", with_candidate=False)
        self.start(remote, controlling=True, dtls_client=True)
        return make_slots_answer(remote, local)

    def handle_connected(self) -> None:
        self.media.settle(self)

    def read(self, buffer: bytearray) -> None:
        receive, numbers = self.socket.recv_into, self.numbers
        try:
            while True:
                size = receive(buffer)
                kind = buffer[1] & 0x7F
                if buffer[0] < 128 or 64 <= kind < 96:
                    self.dispatch(bytes(buffer[:size]), self.ice.remote or self._relay)
                    continue
                self.packets += 1
                self.bytes += size
                seq = buffer[2] << 8 | buffer[3]
                found = numbers.get(bytes(buffer[8:12]))
                if found is None:
                    numbers[bytes(buffer[8:12])] = Numbers(seq, seq)
                else:
                    found.packets += 1
                    ahead = (seq - found.highest) & 0xFFFF
                    if ahead < 0x8000:
                        found.highest += ahead
        except OSError:
            pass

    def bind(self, remote: Any) -> None:
        super().bind(remote)
        self._relay = remote.addresses[0]

    @property
    def missing(self) -> int:
        """Numbers that were left out and did not come later."""
        return sum(
            found.highest - found.first + 1 - found.packets
            for found in self.numbers.values()
        )


@dataclass(slots=True)
class Conference:
    """The room's people in this process."""

    link: RelayLink
    load: Load
    media: MediaLoop = field(default_factory=MediaLoop)
    participants: list[Participant] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def join(self, index: int) -> None:
        participant = Participant(self.media)
        name = f"p{index}"
        self.link.send(
            control.AcceptOffer(
                participant.session,
                "",
                f"Bench/{name}",
                participant.offer(),
                ("VP8",),
                20_000,
                10_000,
                room=ROOM,
                data_channels=False,
            )
        )
        answered = await self.link.event(control.Answered, participant.session)
        participant.accept(answered.sdp)
        await asyncio.wait_for(participant.connected, 10)
        self.participants.append(participant)
        self.tasks.append(asyncio.create_task(participant.run(), name=name))
        await self.link.event(control.Started, participant.session)
        seat = Seat(self.media)
        self.link.send(
            control.CreateRoomOffer(
                seat.session,
                "",
                ROOM,
                20_000,
                ("default",),
                own_streams=(name,),
                video_codecs=("VP8", "H264"),
                max_video_tracks=self.load.video_slots,
                max_audio_tracks=self.load.audio_slots,
                data_channels=False,
            )
        )
        offered = await self.link.event(control.Offered, seat.session)
        self.link.send(control.AcceptAnswer(seat.session, seat.answer(offered.sdp)))
        await asyncio.wait_for(seat.connected, 10)
        self.seats.append(seat)

    async def take_turns(self) -> None:
        """One after the other speaks, for ever."""
        while True:
            speaker = random.choice(self.participants)
            speaker.level = LOUD
            await asyncio.sleep(SPEECH_S)
            speaker.level = QUIET


async def run(load: Load) -> dict[str, Any]:
    async with relay_process(load.cores) as link:
        conference = Conference(link, load)
        for index in range(load.participants):
            await conference.join(index)
            await asyncio.sleep(JOIN_PAUSE_S)
        conference.tasks.append(asyncio.create_task(conference.take_turns()))
        await asyncio.sleep(SETTLE_S)
        result = await measure(conference)
        for task in conference.tasks:
            task.cancel()
        return result


async def measure(conference: Conference) -> dict[str, Any]:
    """The relay's CPU, packets in and out, and loss, of a steady time."""
    seats, people, pid = conference.seats, conference.participants, conference.link.pid
    lags_ms: list[float] = []
    lagging = asyncio.create_task(measure_lag(lags_ms))
    for seat in seats:
        seat.numbers.clear()
    out, into = sum(s.packets for s in seats), sum(p.packets for p in people)
    size, key_frames = sum(s.bytes for s in seats), sum(p.key_frames for p in people)
    cpu, own, began = cpu_seconds([pid]), time.process_time(), time.monotonic()
    await asyncio.sleep(conference.load.seconds)
    took = time.monotonic() - began
    used, own = cpu_seconds([pid]) - cpu, time.process_time() - own
    lagging.cancel()
    out = sum(s.packets for s in seats) - out
    into = sum(p.packets for p in people) - into
    slots = conference.load.video_slots + conference.load.audio_slots
    return {
        "participants": len(people),
        "slots_per_viewer": slots,
        "slots_in_use_p50": percentile([float(len(s.numbers)) for s in seats], 50),
        "seconds": round(took, 2),
        "packets_in_per_s": round(into / took),
        "packets_out_per_s": round(out / took),
        "mbit_out_per_s": round((sum(s.bytes for s in seats) - size) * 8e-6 / took, 1),
        "relay_cpu_percent": round(used / took * 100, 1),
        "us_per_packet_out": round(used * 1e6 / max(1, out), 2),
        "us_per_packet": round(used * 1e6 / max(1, out + into), 2),
        "lost_packets": sum(seat.missing for seat in seats),
        "key_frames_per_s": round(
            (sum(p.key_frames for p in people) - key_frames) / took, 1
        ),
        "relay_rss_mb": round(rss_bytes([pid]) / 1e6, 1),
        "client_cpu_percent": round(own / took * 100, 1),
        "client_lag_ms_p99": round(percentile(lags_ms, 99), 2),
    }


if __name__ == "__main__":
    asked = Load(**json.loads(sys.argv[1]))
    print(json.dumps(uvloop.run(run(asked)) | {"asked": asdict(asked)}))
    sys.stdout.flush()
    os._exit(0)  # the relay has ended; nothing is left to close
