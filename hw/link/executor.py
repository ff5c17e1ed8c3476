"""Runs the commands that the receiver took, in order, one reply each."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.frames import (
    COPY_PAYLOAD,
    HEADER,
    MAX_READ_WORDS,
    PLAY_ENTRY,
    READ_PAYLOAD,
    WRITE_PAYLOAD,
    Command,
    Status,
)
from golden.spec.registers import SPACE_SHIFT, Space, brief_words, play_entries, result_words
from golden.spec.samples import SAMPLE_HEADER, SampleStatus
from hw.core.ports import BusReply, BusRequest, ByteStream, ResultWords, SampleBytes
from hw.link.ports import PLAY
from hw.link.replies import ReplyMemory

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
    layer_count  layers that the core has in use
    play         samples to play from the store, where the core is built with one
    copy         words of a COPY, where the store is in a memory
    playing, refused: what the player does, or the copier
    address, data, write: write a word of the store
    reply        replies to send
    idle         the replies put in were all sent
    done         pulse: a command has run
    restart      pulse: a SYNC runs
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.store = ReplyMemory(config)
        super().__init__(
            {
                "i": In(ByteStream),
                "bus_request": Out(BusRequest),
                "bus_reply": In(BusReply),
                "sample": Out(SampleBytes),
                "result": In(ResultWords),
                "layer_count": In(bits_for(config.layers)),
                "play": Out(stream.Signature(PLAY)),
                "copy": Out(stream.Signature(32)),
                "playing": In(1),
                "refused": In(1),
                "address": Out(self.store.bits),
                "data": Out(16),
                "write": Out(1),
                "reply": Out(stream.Signature(self.store.reply())),
                "idle": In(1),
                "done": Out(1),
                "restart": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        store = self.store
        self.shift = Signal(8 * HEADER.size)  # the last bytes that came, the newest on top
        self.shifted = Cat(self.shift[8:], self.i.payload)
        self.index = Signal(range(max(HEADER.size, READ_PAYLOAD.size)))
        self.code = Signal(8)
        self.left = Signal(16)  # bytes of the payload that have not come
        self.final = Signal()  # the next is the last one
        self.took = self.i.valid & self.i.ready
        self.words = Signal(range(MAX_READ_WORDS + 1))  # words put in the buffer of replies
        self.ended = Signal()  # the core has given the last word of a result
        with m.If(self.took):
            m.d.sync += [self.shift.eq(self.shifted), self.index.eq(self.index + 1)]
            m.d.sync += [self.left.eq(self.left - 1), self.final.eq(self.left == 2)]
        # one register on the way to the buffer of replies
        self.put, self.place, self.word = Signal(), Signal(store.bits), Signal(16)
        m.d.sync += [
            self.write.eq(self.put),
            self.address.eq(self.place),
            self.data.eq(self.word),
        ]
        with m.If(self.put):
            m.d.sync += self.words.eq(self.words + 1)
        self._bus(m)
        single = Signal()  # a PLAY of one sample
        with m.FSM():
            self._frame(m, single)
            self._address(m)
            self._accesses(m)
            self._sample(m)
            if self.config.store_bytes:
                self._play(m, single)
            if self.config.store_off_chip:
                self._copy(m)
            self._echo(m)
        return m

    def _bus(self, m: Module) -> None:
        """Accesses that are asked for, and what became of them."""
        self.at = Signal(32)  # address of the next access
        self.unsent, self.unanswered = Signal(16), Signal(16)  # accesses
        self.answered = Signal.like(self.bus_reply.valid)
        self.answer = Signal.like(self.bus_reply.payload)
        asked = self.bus_request.valid & self.bus_request.ready
        m.d.comb += self.bus_reply.ready.eq(1)
        m.d.comb += self.bus_request.payload.address.eq(self.at)
        m.d.sync += [
            self.answered.eq(self.bus_reply.valid),
            self.answer.eq(self.bus_reply.payload),
            self.unanswered.eq(self.unanswered + asked - self.answered),
        ]
        index = self.at[:SPACE_SHIFT]
        with m.If(asked):  # behind the end of all numbers is no beginning
            m.d.sync += index.eq(Mux(index.all(), index, index + 1))
            m.d.sync += self.unsent.eq(self.unsent - 1)
        with m.If(self.answered & self.answer.error):
            m.d.sync += self.reply.payload.head.status.eq(Status.BAD_ADDRESS)
        self.settled = (self.unsent == 0) & (self.unanswered == 0)

    def _fail(self, m: Module, error: Status) -> None:
        """Refuse the command; its payload is dropped."""
        m.d.sync += self.reply.payload.head.status.eq(error)
        m.next = "DRAIN"

    def _frame(self, m: Module, single: Signal) -> None:
        """The header of a command, what is done for it, and its reply."""
        reply, index, shift = self.reply.payload, self.index, self.shift
        with m.State("HEADER"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [reply.head.status.eq(Status.OK), reply.head.length.eq(0)]
            m.d.sync += [self.words.eq(0), reply.start.eq(self.store.buffer)]
            with m.If(self.i.valid & (index == HEADER.size - 1)):
                m.next = "DISPATCH"
        with m.State("DISPATCH"):
            announced = shift[16:]
            m.d.sync += [reply.head.sequence.eq(shift[:8]), self.code.eq(shift[8:16])]
            m.d.sync += [self.left.eq(announced), self.final.eq(announced == 1), index.eq(0)]
            m.d.sync += single.eq(announced == PLAY_ENTRY.size)
            self._dispatch(m, announced)
        with m.State("DRAIN"):
            m.d.comb += self.i.ready.eq(self.left != 0)
            with m.If(self.left == 0):
                m.next = "REPLY"
        with m.State("REPLY"):
            m.d.comb += [self.reply.valid.eq(1), self.done.eq(self.reply.ready)]
            m.d.sync += index.eq(0)
            with m.If(self.reply.ready):
                m.next = "HEADER"
                with m.If((self.code == Command.READ) | (self.code == Command.SYNC)):
                    m.next = "SENT"
        with m.State("SENT"), m.If(self.idle):  # the buffer is free again
            m.next = "HEADER"

    def _dispatch(self, m: Module, announced: Any) -> None:
        """To the states of a command, unless there is no such command or its length is wrong."""
        short, half, ragged = Signal(), announced[0], announced[:2].any()
        length = self.reply.payload.head.length
        with m.Switch(self.shift[8:16]):
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
            if self.config.store_off_chip:
                with m.Case(Command.COPY):
                    m.d.comb += short.eq(announced != COPY_PAYLOAD.size)
                    m.next = "COPY"
            with m.Case(Command.SYNC):
                m.d.comb += self.restart.eq(1)
                m.d.comb += short.eq(announced > 2 * MAX_READ_WORDS)
                m.d.sync += length.eq(announced)
                m.next = "ECHO"
            with m.Default():
                self._fail(m, Status.BAD_COMMAND)
        with m.If(short):
            self._fail(m, Status.BAD_LENGTH)
            m.d.sync += length.eq(0)

    def _address(self, m: Module) -> None:
        """Of READ and WRITE: where, and how many words."""
        reply, index = self.reply.payload, self.index
        beyond = Signal(SPACE_SHIFT + 1)
        with m.State("ADDRESS"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += self.unsent.eq((self.left - 1) >> 1)
            with m.If(self.i.valid & (index == ADDRESS_BYTES - 1)):
                m.d.sync += [self.at.eq(self.shifted), index.eq(0)]
                with m.If(self.code == Command.READ):
                    m.next = "COUNT"
                with m.Elif(self.shifted[SPACE_SHIFT:] == Space.RESULTS):
                    self._fail(m, Status.BAD_ADDRESS)
                with m.Else():
                    m.next = "WRITE"
        with m.State("COUNT"):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid & index[0]):
                m.d.sync += self.unsent.eq(self.shifted[16:])
                m.next = "LIMIT"
        with m.State("LIMIT"):
            m.d.sync += [index.eq(0), reply.head.length.eq(self.unsent << 1)]
            m.d.sync += beyond.eq(self.at[:SPACE_SHIFT] + self.unsent)
            with m.If(self.unsent > MAX_READ_WORDS):
                m.d.sync += reply.head.length.eq(0)
                self._fail(m, Status.BAD_LENGTH)
            with m.Elif(self.at[SPACE_SHIFT:] == Space.RESULTS):
                m.next = "RESULTS"
            with m.Else():
                m.next = "READ"
        with m.State("RESULTS"):
            m.d.sync += reply.start.eq(self.at)
            m.next = "REPLY"
            with m.If(beyond > self.store.slots * self.store.stride):
                m.d.sync += reply.head.length.eq(0)
                self._fail(m, Status.BAD_ADDRESS)

    def _accesses(self, m: Module) -> None:
        """The words of READ and WRITE."""
        odd = self.index[0]
        with m.State("READ"):
            m.d.comb += self.bus_request.valid.eq(self.unsent != 0)
            m.d.comb += [
                self.put.eq(self.answered),
                self.place.eq(self.store.buffer + self.words),
                self.word.eq(self.answer.data),
            ]
            with m.If(self.settled):
                with m.If(self.reply.payload.head.status != Status.OK):
                    m.d.sync += self.reply.payload.head.length.eq(0)
                m.next = "REPLY"
        with m.State("WRITE"):
            request = self.bus_request
            m.d.comb += [
                request.valid.eq((self.unsent != 0) & self.i.valid & odd),
                request.payload.data.eq(Cat(self.shift[-8:], self.i.payload)),
                request.payload.write.eq(1),
                self.i.ready.eq((self.unsent != 0) & (~odd | request.ready)),
            ]
            with m.If(self.took):
                m.d.sync += self.index.eq(~odd)
            with m.If(self.settled):
                m.next = "REPLY"

    def _keep_result(self, m: Module, wanted: Any) -> None:
        """Take a word of a result; put it in the frame's slot if it is `wanted`."""
        reply, store = self.reply.payload, self.store
        within = ceil_log2(store.stride)
        slot = reply.head.sequence[: ceil_log2(store.slots)]
        m.d.comb += [
            self.result.ready.eq(~self.ended),
            self.place.eq(Cat(self.words[:within], slot)),
            self.word.eq(self.result.payload.data),
        ]
        m.d.sync += reply.start.eq(Cat(Const(0, within), slot))
        m.d.sync += [reply.head.length.eq(self.words << 1), self.index.eq(0)]
        with m.If(self.result.valid & self.result.ready):
            m.d.comb += self.put.eq(wanted)
            m.d.sync += self.ended.eq(self.result.payload.last)

    def _sample(self, m: Module) -> None:
        """A payload to the core, its result into a slot."""
        with m.State("SAMPLE"):
            m.d.comb += [
                self.sample.valid.eq(self.i.valid & (self.left != 0)),
                self.sample.payload.data.eq(self.i.payload),
                self.sample.payload.last.eq(self.final),
                self.i.ready.eq(self.sample.ready & (self.left != 0)),
            ]
            self._keep_result(m, self.words < self.store.stride)
            with m.If(self.ended & (self.left == 0)):
                m.d.sync += self.ended.eq(0)
                m.next = "REPLY"

    def _play(self, m: Module, single: Signal) -> None:
        """Samples of the store, one after the other."""
        started = Signal()  # the player has this one
        heard = Signal(range(result_words(self.config) + 1))  # words of its result
        with m.State("ENTRY"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += [heard.eq(0), started.eq(0)]
            with m.If(self.i.valid & (self.index == PLAY_ENTRY.size - 1)):
                m.d.sync += self.play.payload.eq(self.shifted)
                m.next = "PLAY"
        with m.State("PLAY"):
            m.d.comb += self.play.valid.eq(~started)
            self._keep_result(m, single | (heard < brief_words(self.layer_count)))
            with m.If(self.play.ready):
                m.d.sync += started.eq(1)
            with m.If(self.result.valid & self.result.ready):
                m.d.sync += heard.eq(heard + 1)
            with m.If(self.refused):
                m.d.comb += [self.put.eq(1), self.word.eq(int(SampleStatus.NOT_KEPT))]
                m.d.sync += self.reply.payload.head.length.eq(0)
                self._fail(m, Status.BAD_ADDRESS)
            with m.Elif(self.ended & ~self.playing):
                m.d.sync += self.ended.eq(0)
                m.next = "ENTRY"
                with m.If(self.left == 0):
                    m.next = "REPLY"

    def _copy(self, m: Module) -> None:
        """The copier gets its three words, and does the rest."""
        whole = self.index[:2] == 3
        with m.State("COPY"):
            m.d.comb += [
                self.copy.payload.eq(self.shifted),
                self.copy.valid.eq(self.i.valid & whole),
                self.i.ready.eq(~whole | self.copy.ready),
            ]
            with m.If(self.took & self.final):
                m.next = "COPYING"
        with m.State("COPYING"):
            with m.If(self.refused):
                self._fail(m, Status.BAD_ADDRESS)
            with m.Elif(~self.playing):
                m.next = "REPLY"

    def _echo(self, m: Module) -> None:
        """The bytes of a SYNC, to be sent back."""
        odd = self.index[0]
        with m.State("ECHO"):
            m.d.comb += [
                self.i.ready.eq(self.left != 0),
                self.place.eq(self.store.buffer + self.words),
                self.word.eq(Mux(odd, Cat(self.shift[-8:], self.i.payload), self.i.payload)),
            ]
            with m.If(self.took):
                m.d.sync += self.index.eq(~odd)
                m.d.comb += self.put.eq(odd | self.final)
            with m.If(self.left == 0):
                m.next = "REPLY"
