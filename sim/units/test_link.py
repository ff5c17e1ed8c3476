"""Units of hw/link: bytes to frames, and frames to bytes."""

import zlib

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.frames import (
    CRC,
    END,
    ESC,
    ESC_END,
    ESC_ESC,
    HEADER,
    Damaged,
    stuff,
    unstuff,
)
from hw.link.crc import Crc32
from hw.link.replies import QUEUE, Replies, ReplyMemory
from hw.link.ring import Ring
from hw.link.slip import Stuffer, Unstuffer
from hw.link.transmitter import Transmitter
from sim.link_model import biased_bytes
from sim.units.base import UnitTest

ODD = CoreConfig(lanes=3, layers=2, classes=3, frame_bytes=512, store_bytes=0)


class TestCrc(UnitTest):
    """That of zlib after every byte; `good` after a CRC and only there."""

    unit = Crc32

    def stimuli(self, rng):
        self.data = b""
        for size in (0, 1, 2, 50, 300):
            yield {"clear": 1, "enable": 1}  # clear wins
            data = rng.randbytes(size)
            for byte in data + CRC.pack(zlib.crc32(data)):
                yield {"enable": 1, "data": byte}
            yield {}

    def step(self, now):
        data = self.data
        self.data = b"" if now.clear else data + bytes([now.data] * now.enable)
        good = data[-4:] == CRC.pack(zlib.crc32(data[:-4]))
        return {"value": zlib.crc32(data), "good": good and len(data) >= 4}


class TestUnstuffer(UnitTest):
    """Frames stuffed well and badly; empty frames are silent."""

    unit = Unstuffer

    def stimuli(self, rng):
        self.raw, self.escaping = b"", False
        for _ in range(200):
            data = biased_bytes(rng, rng.choice([0, 1, 2, rng.randrange(30)]))
            raw = stuff(data)[:-1] if rng.random() < 0.5 else data.replace(b"\xc0", b"\xdb")
            yield {"i": [*raw, END]}
        yield from self.drain()
        before = self.transfers("o")
        self.send("i", *[7] * 200)
        yield from ({} for _ in range(203))
        assert not self.steady or self.transfers("o") - before == 200, "a byte a clock"

    def step(self, now):
        if now.i == END:
            raw, self.raw, self.escaping = self.raw, b"", False
            return {"o": [{"end": 1, "damaged": self.broken(raw)}] if raw else []}
        if now.i is None:
            return {}
        self.raw += bytes([now.i])
        byte = {ESC_END: END, ESC_ESC: ESC}.get(now.i) if self.escaping else now.i
        self.escaping = now.i == ESC and not self.escaping
        return {"o": [{"data": byte, "end": 0}] if byte is not None and not self.escaping else []}

    def broken(self, raw):
        try:
            unstuff(raw)
        except Damaged:
            return True
        return False


class TestStuffer(UnitTest):
    """Frames rich in bytes that need escapes; a byte a clock where none does."""

    unit = Stuffer

    def stimuli(self, rng):
        for _ in range(100):
            body = biased_bytes(rng, rng.choice([0, 1, 2, rng.randrange(30)]))
            self.expect("o", *stuff(body))
            yield {"i": [*({"data": byte, "end": 0} for byte in body), {"data": END, "end": 1}]}
        yield from self.drain()
        before = self.transfers("o")
        self.expect("o", *[0] * 200)
        self.send("i", *[{"data": 0, "end": 0}] * 200)
        yield from ({} for _ in range(204))
        assert not self.steady or self.transfers("o") - before == 200, "a byte a clock"


class TestRing(UnitTest):
    """Frames come out whole or not at all; a full ring says so; it is never overrun."""

    unit = Ring
    sizes = {"small": {"depth": 16}, "large": {"depth": 512}}
    AHEAD = 2  # bytes that gave their room back on the way out

    def stimuli(self, rng):
        self.frame, self.kept, self.full = [], 0, 0
        depth = self.size["depth"]
        for _ in range(60):
            frame = rng.randbytes(rng.choice([1, rng.randrange(1, depth), depth, depth + 1]))
            good = rng.random() < 0.7
            for byte in frame:
                yield {}
                self.full += self.port("full")
                if good := good and not self.port("full"):
                    yield {"write": 1, "data": byte}
            yield {"commit": good, "discard": not good}
            if rng.random() < 0.3:
                yield from self.drain()
        assert self.full, "never full"

    def step(self, now):
        held = self.kept + len(self.frame)
        sure = held < self.size["depth"] or held >= self.size["depth"] + self.AHEAD
        wanted = {"full": held >= self.size["depth"] if sure else None}
        self.kept -= now.o is not None
        if now.write:
            self.frame.append(now.data)
        if now.commit or now.discard:
            wanted["o"] = self.frame if now.commit else []
            self.kept += len(wanted["o"])
            self.frame = []
        return wanted


class TestReplies(UnitTest):
    """As many replies as may wait, of no bytes, odd numbers and all, from anywhere in the memory."""

    unit = Replies
    prompt = ("head",)  # payload is only taken behind its head
    sizes = {"odd": {"config": ODD}, "tiny": {"config": PRESETS["tiny"]}}

    def stimuli(self, rng):
        store = ReplyMemory(self.size["config"])
        self.words, self.waiting = [None] * store.depth, 0
        for address in range(store.depth):
            yield {"write": 1, "address": address}
        for _ in range(30):
            for _ in range(40):
                yield {"write": 1, "address": rng.randrange(store.depth)}
            for _ in range(rng.randint(1, QUEUE + 1)):
                start = rng.choice([0, store.buffer, rng.randrange(store.depth)])
                most = 2 * (store.depth - start)
                length = min(most, rng.choice([0, 1, 2, rng.randrange(40), rng.randrange(200)]))
                head = {
                    "sequence": rng.randrange(256),
                    "status": rng.randrange(8),
                    "length": length,
                }
                self.send("i", {"head": head, "start": start})
            yield from self.drain(5)
            self.check("idle", 1)
        if self.steady:
            before = self.transfers("payload")
            self.send("i", {"head": {"sequence": 0, "status": 0, "length": 300}, "start": 0})
            yield from ({} for _ in range(308))
            assert self.transfers("payload") - before == 300, "a byte a clock"

    def step(self, now):
        busy = self.bench.owed["head"] or self.bench.owed["payload"]
        wanted = {"idle": 0 if busy else None}
        if now.write:
            self.words[now.address] = now.data
        if now.i is not None:
            head, start = now.i["head"], now.i["start"]
            words = self.words[start : start + (head["length"] + 1) // 2]
            data = b"".join(word.to_bytes(2, "little") for word in words)
            wanted |= {"head": [head], "payload": data[: head["length"]]}
        return wanted


class TestTransmitter(UnitTest):
    """Replies of no bytes and many, and complaints between them, which go first."""

    unit = Transmitter

    def stimuli(self, rng):
        self.left, self.body = 0, b""
        for _ in range(60):
            for _ in range(rng.choice([0, 1, 3])):
                self.send("complaint", {"sequence": rng.randrange(256), "status": rng.randrange(8)})
            for _ in range(rng.choice([0, 1, 3])):
                size = rng.choice([0, 1, 2, rng.randrange(60)])
                head = {"sequence": rng.randrange(256), "status": rng.randrange(8), "length": size}
                self.send("head", head)
                self.send("payload", *rng.randbytes(size))
            yield from ({} for _ in range(rng.choice([1, 200])))

    def step(self, now):
        sent = b""
        if now.head is not None:
            self.equal("head", False, self.offered("complaint"))  # which goes first
            self.left = now.head["length"]
            sent = HEADER.pack(now.head["sequence"], now.head["status"], self.left)
        elif now.complaint is not None:
            sent = HEADER.pack(now.complaint["sequence"], now.complaint["status"], 0)
        elif now.payload is not None:
            sent = bytes([now.payload])
            self.left -= 1
        self.body += sent
        owed = [{"data": byte, "end": 0} for byte in sent]
        if sent and not self.left:
            owed += [{"data": byte, "end": 0} for byte in CRC.pack(zlib.crc32(self.body))]
            owed += [{"end": 1}]
            self.body = b""
        return {"o": owed}
