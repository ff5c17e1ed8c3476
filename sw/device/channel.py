"""Commands to the device and back over a link that may lose and corrupt bytes.

Go-back-N with credits: up to RESULT_SLOTS frames and `frame_bytes` bytes are in flight, so the
device always has a next command. Every command runs exactly once and in order, whatever the link
does:

- a frame that the device did not take is sent again, after its NAK or after silence
- a reply says that all commands before it have run. If the reply of one of those was lost: the
  results of a SAMPLE or PLAY are read back from the device, a READ is asked again as a new frame, and
  a READ of the place of a WRITE tells whether that was refused; whether a COPY was follows from what it asks
- nothing but READs is sent while a READ is unanswered, so that asking again reads the same values,
  and so that no result is overwritten before it is read back
- after silence with everything taken, a READ is sent as a probe: its reply proves the rest ran

A device that was restarted answers RESTARTED to everything but SYNC. Then all that is unanswered ends in
Restarted, and so does every command until `restart`: it may have run, but nothing is left of it.

A link on which nothing gets through ends in LinkError after a bounded number of tries.
"""

from __future__ import annotations

import os
import time
from collections import deque

from golden.spec.config import CoreConfig
from golden.spec.frames import (
    END,
    GO_BACK,
    HEADER,
    READ_PAYLOAD,
    SEQUENCES,
    Command,
    Damaged,
    Frame,
    FrameReader,
    Status,
)
from golden.spec.registers import RESULT_SLOTS, Space, address
from sw.device.in_flight import InFlight, LinkStatistics, Restarted, Submitted
from sw.link import LinkError, Transport

SMALLEST_BUFFER = 512  # frame_bytes of the smallest core: what is safe before the real one is known
FLUSH = bytes([END])  # ends whatever the device has half of; an empty frame is silence


class Channel:
    """Commands in order over a `Transport`."""

    def __init__(
        self,
        transport: Transport,
        *,
        tries: int = 8,
        go_backs: int = 64,
        nonce: bytes | None = None,
    ) -> None:
        """Open the channel: SYNC, so that both ends agree on the next frame.

        `tries` silences or `go_backs` NAKs without any progress end the link.
        Raises LinkError.
        """
        self.transport = transport
        self.statistics = LinkStatistics()
        self._limits = (tries, go_backs)
        self._credit = SMALLEST_BUFFER
        self._config: CoreConfig | None = None
        self._waiting: deque[Submitted] = deque()
        self._again: deque[Submitted] = deque()  # lost replies, to be read before anything else
        self._flight: deque[InFlight] = deque()
        self._restarted: Restarted | None = None
        self._synchronise(nonce or os.urandom(8))

    def configure(self, config: CoreConfig) -> None:
        """Say which core is at the other end: the size of its buffer, and where its results are."""
        self._config, self._credit = config, config.frame_bytes

    def submit(self, command: Command, payload: bytes, words: int = 0) -> Submitted:
        """Send a command, after waiting for credit if there is none. Its answer comes later.

        `words` are those of the answer to a PLAY, to be read back should it be lost.
        Raises LinkError, Restarted among them, and ValueError for a payload that the device's buffer has
        no room for.
        """
        if HEADER.size + len(payload) > self._credit:
            raise ValueError(f"payload of {len(payload)} bytes: {self._credit - HEADER.size} fit")
        if self._restarted is not None:
            raise self._restarted
        submitted = Submitted(self, command, payload, words)
        self._waiting.append(submitted)
        self._send()
        while self._waiting:
            self.pump()
        return submitted

    def call(self, command: Command, payload: bytes) -> bytes:
        """Send a command, wait for its answer, and return its payload. Raises LinkError, Refused."""
        return self.submit(command, payload).result()

    def pump(self) -> None:
        """Send what may be sent, and take what comes next: replies, or silence. Raises LinkError."""
        if self._restarted is not None:
            raise self._restarted
        self._send()
        data = self._read(max(0.0, self._deadline - time.monotonic()))
        for reply in self._reader.feed(data):
            if isinstance(reply, Damaged):
                self.statistics.damaged += 1
            elif reply.code == Status.RESTARTED:
                self._restarted = error = Restarted.by(self.transport.name)
                self._give_up(error)
                raise error
            elif self._flight:
                self._take(reply)
        if self._flight and (not data or time.monotonic() > self._deadline):
            self._silence()

    def restart(self) -> None:
        """Give up what is under way and begin anew with SYNC. Raises LinkError.

        For use after an exception came out of the channel at any place, a KeyboardInterrupt say. What
        was submitted may have run or not.
        """
        self._give_up(LinkError(f"{self.transport.name}: given up"))
        self._synchronise(os.urandom(8))

    def close(self) -> None:
        """Close the transport."""
        self.transport.close()

    def _give_up(self, error: LinkError) -> None:
        """What is not answered yet ends in `error`."""
        sent = [frame.submitted for frame in self._flight if frame.submitted is not None]
        for submitted in (*sent, *self._waiting, *self._again):
            if not submitted.done:
                submitted.error = error
        self._flight.clear()
        self._waiting.clear()
        self._again.clear()

    def _write(self, data: bytes) -> None:
        self.statistics.bytes_sent += len(data)
        self.transport.write(data)

    def _read(self, timeout: float) -> bytes:
        data = self.transport.read(timeout)
        self.statistics.bytes_received += len(data)
        return data

    def _synchronise(self, nonce: bytes) -> None:
        self._reader = FrameReader()
        self._sequence = 1
        self._restarted = None
        for _ in range(self._limits[0]):
            self._progress()
            self._write(FLUSH + Frame(0, Command.SYNC, nonce).encode())
            while (left := self._deadline - time.monotonic()) > 0:
                data = self._read(left)
                for reply in self._reader.feed(data):
                    if isinstance(reply, Damaged):
                        self.statistics.damaged += 1
                    elif (reply.sequence, reply.code, reply.payload) == (0, Status.OK, nonce):
                        self._progress()
                        return
                if not data:
                    break
            self.statistics.silences += 1
        raise self._dead()

    def _send(self) -> None:
        """Send what credit and order allow."""
        while queue := self._again or self._waiting:
            submitted = queue[0]
            frame = Frame(self._sequence, submitted.command, submitted.payload)
            held = sum(sent.frame.credit for sent in self._flight)
            full = len(self._flight) >= RESULT_SLOTS or held + frame.credit > self._credit
            reading = any(sent.frame.code == Command.READ for sent in self._flight)
            if (full and self._flight) or (reading and frame.code != Command.READ):
                return
            queue.popleft()
            self._launch(frame, submitted)

    def _launch(self, frame: Frame, submitted: Submitted | None) -> None:
        if not self._flight:
            self._progress()
        self._flight.append(InFlight(frame, submitted))
        self._sequence = (self._sequence + 1) % SEQUENCES
        self.statistics.sent += 1
        self._write(frame.encode())

    def _take(self, reply: Frame) -> None:
        position = (reply.sequence - self._flight[0].frame.sequence) % SEQUENCES
        if reply.code in GO_BACK:
            if position <= len(self._flight):
                self._go_back(position, reply.code)
        elif position >= len(self._flight):
            return  # an answer that came twice
        elif reply.code == Status.DUPLICATE:
            self._mark_taken(position + 1)  # no progress: the device may say so for ever
        else:
            for _ in range(position):
                self._lost(self._flight.popleft())
            self._resolve(self._flight.popleft(), reply)
            if self._no_room:
                self._resend()
            self._progress()

    def _go_back(self, position: int, code: int) -> None:
        if self._mark_taken(position):
            self._progress()
        self.statistics.refused += 1
        self._asked += 1
        if self._asked > self._limits[1]:
            raise self._dead()
        for sent in list(self._flight)[position:]:
            sent.taken = False
        if code == Status.NO_ROOM:
            self._no_room = True  # sending again at once would find no room either
        else:
            self._resend()

    def _mark_taken(self, count: int) -> bool:
        """The device has the first `count` frames in flight; whether that is news."""
        news = [sent for sent in list(self._flight)[:count] if not sent.taken]
        for sent in news:
            sent.taken = True
        return bool(news)

    def _resolve(self, sent: InFlight, reply: Frame) -> None:
        if sent.submitted is not None:
            sent.submitted.resolve(reply.code, reply.payload, self.transport.name)

    def _lost(self, sent: InFlight) -> None:
        """The reply of a command that has run is lost: get what it said in another way."""
        if (submitted := sent.submitted) is None:
            return
        self.statistics.recovered += 1
        if submitted.command == Command.WRITE:
            submitted.confirm(self._config, self.transport.name)
        elif submitted.command in (Command.SAMPLE, Command.PLAY):
            assert self._config is not None, "samples need a configured channel"
            submitted.read_back(sent.frame.sequence, self._config)
        elif submitted.command == Command.COPY:
            assert self._config is not None, "copies need a configured channel"
            submitted.conclude(self._config, self.transport.name)
        if not submitted.done:
            self._again.append(submitted)

    def _silence(self) -> None:
        self.statistics.silences += 1
        self._tries += 1
        if self._tries > self._limits[0]:
            raise self._dead()
        self._deadline = time.monotonic() + self.transport.patience
        if all(sent.taken for sent in self._flight):
            payload = READ_PAYLOAD.pack(address(Space.REGISTERS), 1)
            self._launch(Frame(self._sequence, Command.READ, payload), None)
        else:
            self._resend()

    def _resend(self) -> None:
        """Send again all that the device has not taken."""
        self._no_room = False
        missing = [sent.frame.encode() for sent in self._flight if not sent.taken]
        if missing:
            self.statistics.resent += len(missing)
            self._write(FLUSH + b"".join(missing))

    def _progress(self) -> None:
        self._tries = self._asked = 0
        self._no_room = False
        self._deadline = time.monotonic() + self.transport.patience

    def _dead(self) -> LinkError:
        seen = self.statistics
        if seen.damaged or seen.refused:
            return LinkError(
                f"{self.transport.name}: too much is damaged on the link ({seen.damaged} replies, "
                f"{seen.refused} frames refused); check the cable, lower --baud, or power-cycle it"
            )
        return LinkError(
            f"{self.transport.name} does not answer; check its power and cable, that its bitstream "
            "is loaded, and --baud"
        )
