"""The encoder process: packets in, renditions out, one codec thread.

The event loop reads and sends all the time; the codec thread has one frame at a time
and a bounded queue before it. What comes too late is not encoded.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from relay.encoder import link
from relay.encoder.audio import AudioWorkshop, Sound
from relay.encoder.frames import Frame, FrameAssembler
from relay.encoder.link import AUDIO_IN, CONTROL, VIDEO_IN, KeyFrame, Ladder, Status
from relay.encoder.pacer import STEP_S, Pacer, Waiting
from relay.encoder.pictures import CodecFailed
from relay.encoder.reorder import Reorder
from relay.encoder.sender import Sender
from relay.encoder.workshop import Product, Workshop
from relay.packet import parse_packet
from relay.seqno import timestamp_diff

READ_BATCH = 256
TICK_S = 0.05
KEY_FRAME_WISH_S = 0.5
STATUS_S = 1.0
LATE_S = 0.2  # a frame whose turn comes later after it was whole is not encoded
MAX_FRAMES = 90  # waiting for the codec thread
MAX_FRAME_BYTES = 16 * 1024 * 1024  # of all of them


class EncoderProcess:
    """One stream's encoder on its end of the link."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._thread = ThreadPoolExecutor(1, "codecs")
        self._wake = asyncio.Event()
        self._workshop = Workshop()
        self._sounds = AudioWorkshop()
        self._ladder: Ladder | None = None
        self._new_ladder: Ladder | None = None  # that the codec thread has not seen
        self._key_frames: set[int] = set()
        self._reorder = Reorder()
        self._assembler: FrameAssembler | None = None
        self._queue: deque[Frame | Sound] = deque()
        self._queued_bytes = 0
        self._last_sound: int | None = None  # unwrapped ticks
        self._pacer = Pacer()
        self._sender = Sender(sock)
        self._pumping = False
        self._next_wish = self._next_status = 0.0
        self._frames = self._skipped = self._broken = 0
        self._age_s = self._busy_s = 0.0

    async def run(self) -> None:
        """Work until the relay closes the link, or one of the tasks fails."""
        self._loop.add_reader(self._sock, self._readable)
        self._sender.send_control(link.Ready())
        tasks = [
            asyncio.create_task(self._work(), name="work"),
            asyncio.create_task(self._watch(), name="watch"),
        ]
        await asyncio.wait([*tasks, self._ended], return_when=asyncio.FIRST_COMPLETED)
        self._loop.remove_reader(self._sock)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):  # a bug, or no memory
                self._sender.send_control(link.Crashed(repr(result)))
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- in -------------------------------------------------------------------

    def _readable(self) -> None:
        now = self._loop.time()
        for _ in range(READ_BATCH):
            try:
                data = self._sock.recv(link.MAX_MESSAGE_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._end()
                return
            self._receive(data, now)
        self._assemble(now)

    def _end(self) -> None:
        self._loop.remove_reader(self._sock)
        if not self._ended.done():
            self._ended.set_result(None)

    def _receive(self, data: bytes, now: float) -> None:
        try:
            if data[0] == CONTROL:
                self._control(link.decode(data))
            elif data[0] == VIDEO_IN:
                self._reorder.add(parse_packet(data[1:]), now)
            elif data[0] == AUDIO_IN:
                self._hear(data[1:])
        except ValueError:
            self._broken += 1

    def _control(self, message: link.Message) -> None:
        if isinstance(message, Ladder):
            if self._ladder is None or message.source != self._ladder.source:
                self._assembler = FrameAssembler(message.source)
            self._ladder = self._new_ladder = message
        elif isinstance(message, KeyFrame):
            self._key_frames.add(message.index)

    def _hear(self, data: bytes) -> None:
        """Opus needs no order: what is late is behind the clock, and left out."""
        packet = parse_packet(data)
        last = self._last_sound
        ticks = packet.timestamp
        if last is not None:
            step = timestamp_diff(packet.timestamp, last & 0xFFFFFFFF)
            if step <= 0:
                return
            ticks = last + step
        self._last_sound = ticks
        if packet.payload:
            self._put(Sound(packet.payload, ticks))

    def _assemble(self, now: float) -> None:
        if self._assembler is None:
            return
        for ordered in self._reorder.take(now):
            for frame in self._assembler.add(ordered, now):
                self._frames += 1
                self._put(frame)

    def _put(self, job: Frame | Sound) -> None:
        self._queue.append(job)
        self._queued_bytes += len(job.data)
        if len(self._queue) > MAX_FRAMES or self._queued_bytes > MAX_FRAME_BYTES:
            self._skipped += len(self._queue)
            self._queue.clear()
            self._queued_bytes = 0
            if self._assembler is not None:
                self._assembler.lose()
        self._wake.set()

    # -- codecs ---------------------------------------------------------------

    async def _work(self) -> None:
        """Hand the codec thread one job after the other."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                job = self._queue.popleft()
                self._queued_bytes -= len(job.data)
                started = self._loop.time()
                if isinstance(job, Frame):
                    await self._encode_frame(job, started)
                else:
                    await self._encode_sound(job)
                self._busy_s += self._loop.time() - started
                self._pump()

    async def _encode_frame(self, frame: Frame, now: float) -> None:
        age = now - frame.ready
        late = age > LATE_S
        self._age_s = max(self._age_s, age)
        self._skipped += late
        ladder, self._new_ladder = self._new_ladder, None
        wanted = frozenset(self._key_frames)

        def job() -> Product:
            if ladder is not None:
                self._workshop.change(ladder)
                self._sounds.change(ladder.audio)
            return self._workshop.run(frame, wanted, late=late)

        product = await self._loop.run_in_executor(self._thread, job)
        self._key_frames -= product.key_frames
        for index in product.failed:
            self._sender.send_control(link.RungFailed(index))
        if product.is_broken:
            self._broken += 1
            if self._assembler is not None:
                self._assembler.lose()
        self._emit(product.packets)

    async def _encode_sound(self, sound: Sound) -> None:
        try:
            packets = await self._loop.run_in_executor(
                self._thread, self._sounds.run, sound
            )
        except CodecFailed:
            self._broken += 1
            return
        self._emit(packets)

    # -- out ------------------------------------------------------------------

    def _emit(self, packets: list[Waiting]) -> None:
        if packets and not self._pacer.add(packets) and self._ladder is not None:
            self._key_frames |= {rung.index for rung in self._ladder.rungs}

    def _pump(self) -> None:
        """Send a group now, and the next ones every STEP_S."""
        if not self._pumping:
            self._send_group()

    def _send_group(self) -> None:
        self._pumping = False
        group = self._pacer.take()
        if not group:
            return
        self._pacer.put_back(self._sender.send(group))
        if len(self._pacer):
            self._pumping = True
            self._loop.call_later(STEP_S, self._send_group)

    # -- time -----------------------------------------------------------------

    async def _watch(self) -> None:
        """What is due without a packet."""
        while True:
            await asyncio.sleep(TICK_S)
            now = self._loop.time()
            self._assemble(now)
            assembler = self._assembler
            if assembler and assembler.needs_key_frame and now >= self._next_wish:
                self._next_wish = now + KEY_FRAME_WISH_S
                self._sender.send_control(link.SourceKeyFrame())
            if now >= self._next_status:
                self._next_status = now + STATUS_S
                self._tell()

    def _tell(self) -> None:
        self._sender.send_control(
            Status(
                frames=self._frames,
                skipped_frames=self._skipped,
                dropped_packets=self._sender.take_dropped(),
                broken_frames=self._broken,
                age_ms=int(self._age_s * 1000),
                busy_percent=int(self._busy_s / STATUS_S * 100),
            )
        )
        self._frames = self._skipped = self._broken = 0
        self._age_s = self._busy_s = 0.0


async def serve(sock: socket.socket) -> None:
    """Encode for the relay at the other end of `sock`, until it closes."""
    await EncoderProcess(sock).run()
