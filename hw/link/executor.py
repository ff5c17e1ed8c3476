"""Runs the commands that the receiver took, in order, one reply each."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.frames import (
    HEADER,
    MAX_READ_WORDS,
    PLAY_ENTRY,
    READ_PAYLOAD,
    WRITE_PAYLOAD,
    Command,
    Status,
)
from golden.spec.registers import SPACE_SHIFT, Space, brief_words, play_entries
from golden.spec.samples import SAMPLE_HEADER, SampleStatus
from hw.core.ports import BusReply, BusRequest, ByteStream, ResultWords, SampleBytes
from hw.link.ports import PLAY
from hw.link.replies import Store

ADDRESS_BYTES = WRITE_PAYLOAD.size


class Executor(Component):
    """Checks a command, moves its words or bytes, and puts its reply in the queue of replies.

    Words read and the bytes of a SYNC go to the buffer of the store, so that errors are known when
    the header is sent; the next command then waits until they are sent. The result of a sample goes
    to its slot, from where the space RESULTS is read too: this space never reaches the bus.

    i            bytes of frames, header and payload
    bus_request  accesses to the core, up to one a clock for READ, one every two for WRITE
    bus_reply    their answers, in order, never made to wait
    sample       payloads of samples, a byte a clock
    result       their results
    play         samples to play from the store, where the core is built with one
    playing, refused: what the player does
    address, data, write: write a word of the store
    reply        replies to send
    idle         the replies put in were all sent
    done         pulse: a command has run
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.store = Store(config)
        super().__init__(
            {
                "i": In(ByteStream),
                "bus_request": Out(BusRequest),
                "bus_reply": In(BusReply),
                "sample": Out(SampleBytes),
                "result": In(ResultWords),
                "play": Out(stream.Signature(PLAY)),
                "playing": In(1),
                "refused": In(1),
                "address": Out(self.store.bits),
                "data": Out(16),
                "write": Out(1),
                "reply": Out(stream.Signature(self.store.reply())),
                "idle": In(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        store, i = self.store, self.i
        shift = Signal(8 * HEADER.size)  # the last bytes that came, the newest on top
        shifted = Cat(shift[8:], i.payload)
        index = Signal(range(max(HEADER.size, READ_PAYLOAD.size)))
        code = Signal(8)
        left = Signal(16)  # bytes of the payload that have not come
        final = Signal()  # the next is the last one
        address = Signal(32)
        unsent, unanswered = Signal(16), Signal(16)  # accesses
        words = Signal(range(MAX_READ_WORDS + 1))  # words put in the store
        ended = Signal()  # the core has given the last word of a result
        reply = self.reply.payload
        sequence, status, length = reply.head.sequence, reply.head.status, reply.head.length
        slot = sequence[: ceil_log2(store.slots)]
        took = i.valid & i.ready

        with m.If(took):
            m.d.sync += [shift.eq(shifted), index.eq(index + 1)]
            m.d.sync += [left.eq(left - 1), final.eq(left == 2)]
        asked = self.bus_request.valid & self.bus_request.ready
        m.d.comb += self.bus_reply.ready.eq(1)
        answered = Signal.like(self.bus_reply.valid)
        answer = Signal.like(self.bus_reply.payload)
        m.d.sync += [answered.eq(self.bus_reply.valid), answer.eq(self.bus_reply.payload)]
        m.d.comb += self.bus_request.payload.address.eq(address)
        m.d.sync += unanswered.eq(unanswered + asked - answered)
        with m.If(asked):
            m.d.sync += [address[:SPACE_SHIFT].eq(address[:SPACE_SHIFT] + 1)]
            m.d.sync += unsent.eq(unsent - 1)
        with m.If(answered & answer.error):
            m.d.sync += status.eq(Status.BAD_ADDRESS)

        # of a PLAY: its only sample, the player has this one, words of its result that came
        single, started, heard = Signal(), Signal(), Signal(16)

        # one register on the way to the store
        write, place, word = Signal(), Signal(store.bits), Signal(16)
        m.d.sync += [self.write.eq(write), self.address.eq(place), self.data.eq(word)]
        with m.If(write):
            m.d.sync += words.eq(words + 1)

        def fail(error: Status) -> None:
            m.d.sync += status.eq(error)
            m.next = "DRAIN"

        def keep_result(wanted: Any) -> None:
            """Take a word of a result; put it in the frame's slot if it is `wanted`."""
            m.d.comb += self.result.ready.eq(~ended)
            m.d.comb += place.eq(Cat(words[: ceil_log2(store.stride)], slot))
            m.d.comb += word.eq(self.result.payload.data)
            m.d.sync += reply.start.eq(Cat(Const(0, ceil_log2(store.stride)), slot))
            m.d.sync += [length.eq(words << 1), index.eq(0)]
            with m.If(self.result.valid & self.result.ready):
                m.d.comb += write.eq(wanted)
                m.d.sync += ended.eq(self.result.payload.last)

        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += i.ready.eq(1)
                m.d.sync += [status.eq(Status.OK), length.eq(0), words.eq(0)]
                m.d.sync += reply.start.eq(store.buffer)
                with m.If(i.valid & (index == HEADER.size - 1)):
                    m.next = "DISPATCH"
            with m.State("DISPATCH"):
                announced = shift[16:]
                m.d.sync += [sequence.eq(shift[:8]), code.eq(shift[8:16]), left.eq(announced)]
                m.d.sync += [index.eq(0), final.eq(announced == 1)]
                short, half, ragged = Signal(), announced[0], announced[:2].any()
                m.d.sync += single.eq(announced == PLAY_ENTRY.size)
                with m.Switch(shift[8:16]):
                    with m.Case(Command.READ):
                        m.d.comb += short.eq(announced != READ_PAYLOAD.size)
                        m.next = "ADDRESS"
                    with m.Case(Command.WRITE):
                        m.d.comb += short.eq((announced < ADDRESS_BYTES) | half)
                        m.next = "ADDRESS"
                    with m.Case(Command.SAMPLE):
                        m.d.comb += short.eq(announced < SAMPLE_HEADER.size)
                        m.next = "SAMPLE"
                    if self.config.store_bytes:
                        with m.Case(Command.PLAY):
                            most = PLAY_ENTRY.size * play_entries(self.config)
                            m.d.comb += short.eq((announced == 0) | (announced > most) | ragged)
                            m.next = "ENTRY"
                    with m.Case(Command.SYNC):
                        m.d.comb += short.eq(announced > 2 * MAX_READ_WORDS)
                        m.d.sync += length.eq(announced)
                        m.next = "ECHO"
                    with m.Default():
                        fail(Status.BAD_COMMAND)
                with m.If(short):
                    fail(Status.BAD_LENGTH)
                    m.d.sync += length.eq(0)
            with m.State("ADDRESS"):
                m.d.comb += i.ready.eq(1)
                m.d.sync += unsent.eq((left - 1) >> 1)
                with m.If(i.valid & (index == ADDRESS_BYTES - 1)):
                    m.d.sync += [address.eq(shifted), index.eq(0)]
                    with m.If(code == Command.READ):
                        m.next = "COUNT"
                    with m.Elif(shifted[SPACE_SHIFT:] == Space.RESULTS):
                        fail(Status.BAD_ADDRESS)
                    with m.Else():
                        m.next = "WRITE"
            with m.State("COUNT"):
                m.d.comb += i.ready.eq(1)
                with m.If(i.valid & index[0]):
                    m.d.sync += unsent.eq(shifted[16:])
                    m.next = "LIMIT"
            with m.State("LIMIT"):
                beyond = Signal(SPACE_SHIFT + 1)
                m.d.sync += [index.eq(0), length.eq(unsent << 1)]
                m.d.sync += beyond.eq(address[:SPACE_SHIFT] + unsent)
                with m.If(unsent > MAX_READ_WORDS):
                    m.d.sync += length.eq(0)
                    fail(Status.BAD_LENGTH)
                with m.Elif(address[SPACE_SHIFT:] == Space.RESULTS):
                    m.next = "RESULTS"
                with m.Else():
                    m.next = "READ"
            with m.State("RESULTS"):
                m.d.sync += reply.start.eq(address)
                m.next = "REPLY"
                with m.If(beyond > store.slots * store.stride):
                    m.d.sync += length.eq(0)
                    fail(Status.BAD_ADDRESS)
            with m.State("READ"):
                m.d.comb += self.bus_request.valid.eq(unsent != 0)
                m.d.comb += [write.eq(answered), place.eq(store.buffer + words)]
                m.d.comb += word.eq(answer.data)
                with m.If((unsent == 0) & (unanswered == 0)):
                    with m.If(status != Status.OK):
                        m.d.sync += length.eq(0)
                    m.next = "REPLY"
            with m.State("WRITE"):
                odd = index[0]
                m.d.comb += self.bus_request.valid.eq((unsent != 0) & i.valid & odd)
                m.d.comb += self.bus_request.payload.data.eq(Cat(shift[-8:], i.payload))
                m.d.comb += self.bus_request.payload.write.eq(1)
                m.d.comb += i.ready.eq((unsent != 0) & (~odd | self.bus_request.ready))
                with m.If(took):
                    m.d.sync += index.eq(~odd)
                with m.If((unsent == 0) & (unanswered == 0)):
                    m.next = "REPLY"
            with m.State("SAMPLE"):
                m.d.comb += self.sample.valid.eq(i.valid & (left != 0))
                m.d.comb += self.sample.payload.data.eq(i.payload)
                m.d.comb += self.sample.payload.last.eq(final)
                m.d.comb += i.ready.eq(self.sample.ready & (left != 0))
                keep_result(words < store.stride)
                with m.If(ended & (left == 0)):
                    m.d.sync += ended.eq(0)
                    m.next = "REPLY"
            with m.State("ENTRY"):
                m.d.comb += i.ready.eq(1)
                m.d.sync += [heard.eq(0), started.eq(0)]
                with m.If(i.valid & (index == PLAY_ENTRY.size - 1)):
                    m.d.sync += self.play.payload.eq(shifted)
                    m.next = "PLAY"
            with m.State("PLAY"):
                m.d.comb += self.play.valid.eq(~started)
                keep_result(single | (heard < brief_words(self.config)))
                with m.If(self.play.ready):
                    m.d.sync += started.eq(1)
                with m.If(self.result.valid & self.result.ready):
                    m.d.sync += heard.eq(heard + 1)
                with m.If(self.refused):
                    m.d.comb += [write.eq(1), word.eq(int(SampleStatus.NOT_KEPT))]
                    m.d.sync += length.eq(0)
                    fail(Status.BAD_ADDRESS)
                with m.Elif(ended & ~self.playing):
                    m.d.sync += ended.eq(0)
                    m.next = "ENTRY"
                    with m.If(left == 0):
                        m.next = "REPLY"
            with m.State("ECHO"):
                odd = index[0]
                m.d.comb += i.ready.eq(left != 0)
                m.d.comb += place.eq(store.buffer + words)
                m.d.comb += word.eq(Mux(odd, Cat(shift[-8:], i.payload), i.payload))
                with m.If(took):
                    m.d.sync += index.eq(~odd)
                    m.d.comb += write.eq(odd | final)
                with m.If(left == 0):
                    m.next = "REPLY"
            with m.State("DRAIN"):
                m.d.comb += i.ready.eq(left != 0)
                with m.If(left == 0):
                    m.next = "REPLY"
            with m.State("REPLY"):
                m.d.comb += [self.reply.valid.eq(1), self.done.eq(self.reply.ready)]
                m.d.sync += index.eq(0)
                with m.If(self.reply.ready):
                    m.next = "HEADER"
                    with m.If((code == Command.READ) | (code == Command.SYNC)):
                        m.next = "SENT"
            with m.State("SENT"), m.If(self.idle):  # the buffer is free again
                m.next = "HEADER"
        return m
