"""Bytes of the host on one side, the core on the other."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.sdram import SdramConfig, check_beside
from hw.core.base.register_slice import register_slice
from hw.core.ports import BusReply, BusRequest, ByteStream, ResultWords, SampleBytes
from hw.link.copier import Copier
from hw.link.executor import Executor
from hw.link.memory_store import MemoryStore
from hw.link.player import Player
from hw.link.receiver import Receiver
from hw.link.replies import Replies
from hw.link.ring import Ring
from hw.link.slip import Stuffer, Unstuffer
from hw.link.store import BlockStore, StoreSwitch
from hw.link.transmitter import Transmitter
from hw.memory.ports import BurstPort


class Link(Component):
    """Frames in, commands to the core, replies out (`golden.spec.frames`).

        rx -> unstuffer -> receiver -> ring -> inbox -> executor -> player -> core
        tx <- stuffer <- outbox <- transmitter <- replies <-' |        '- store
                                       |                      '- switch -> copier -> core, store
                                       '- receiver (complaints)

    rx           bytes from the host, never made to wait
    tx           bytes to the host
    bus_request  accesses to registers and memories of the core
    bus_reply    their answers, in order
    sample       payloads of samples
    result       their results
    layer_count  layers that the core has in use
    restart      pulse: a host begins; no sample is under way
    taken        pulse: a frame was taken
    damaged      pulse: a frame was damaged
    memory       bursts of the sample store, where it is off the chip
    copying      words move between that store and the core
    """

    def __init__(self, config: CoreConfig, memory: SdramConfig | None = None) -> None:
        """`memory` is beside the FPGA, of a core whose store is there. Raises ValueError for another one."""
        check_beside(config, memory)
        self.config = config
        self.chip = chip = memory.chip if memory else None
        more: dict[str, Any] = {"memory": Out(BurstPort(chip)), "copying": Out(1)} if chip else {}
        super().__init__(
            more
            | {
                "rx": In(ByteStream),
                "tx": Out(ByteStream),
                "bus_request": Out(BusRequest),
                "bus_reply": In(BusReply),
                "sample": Out(SampleBytes),
                "result": In(ResultWords),
                "layer_count": In(bits_for(self.config.layers)),
                "restart": Out(1),
                "taken": Out(1),
                "damaged": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unstuffer = unstuffer = Unstuffer()
        m.submodules.receiver = receiver = Receiver()
        m.submodules.ring = ring = Ring(self.config.frame_bytes)
        m.submodules.executor = executor = Executor(self.config)
        m.submodules.replies = replies = Replies(self.config)
        m.submodules.transmitter = transmitter = Transmitter()
        m.submodules.stuffer = stuffer = Stuffer()

        connect(m, flipped(self.rx), unstuffer.i)
        connect(m, unstuffer.o, receiver.i)
        m.d.comb += [
            ring.data.eq(receiver.data),
            ring.write.eq(receiver.write),
            ring.commit.eq(receiver.commit),
            ring.discard.eq(receiver.discard),
            receiver.full.eq(ring.full),
            receiver.done.eq(executor.done),
            self.restart.eq(executor.restart),
            self.taken.eq(receiver.taken),
            self.damaged.eq(receiver.damaged),
        ]
        register_slice(m, "inbox", ring.o, executor.i)
        if self.config.store_bytes:
            self.add_store(m, executor)
        else:
            connect(m, executor.bus_request, flipped(self.bus_request))
            connect(m, flipped(self.bus_reply), executor.bus_reply)
            register_slice(m, "outgoing", executor.sample, self.sample)
        register_slice(m, "results", self.result, executor.result)
        m.d.comb += [
            replies.address.eq(executor.address),
            replies.data.eq(executor.data),
            replies.write.eq(executor.write),
            executor.idle.eq(replies.idle),
            executor.layer_count.eq(self.layer_count),
        ]
        connect(m, executor.reply, replies.i)
        connect(m, replies.head, transmitter.head)
        connect(m, replies.payload, transmitter.payload)
        connect(m, receiver.complaint, transmitter.complaint)
        register_slice(m, "outbox", transmitter.o, stuffer.i)
        connect(m, stuffer.o, flipped(self.tx))
        return m

    def add_store(self, m: Module, executor: Executor) -> None:
        """The store of samples between executor and core."""
        store: BlockStore | MemoryStore
        if self.chip:
            store = MemoryStore(self.config, self.chip)
            connect(m, store.memory, flipped(self.memory))
        else:
            store = BlockStore(self.config)
        m.submodules.store = store
        m.submodules.switch = switch = StoreSwitch(keyed=self.chip is not None)
        if isinstance(store, MemoryStore):
            m.d.comb += store.disturbed.eq(switch.disturbed)
        m.submodules.player = player = Player(self.config)
        connect(m, executor.bus_request, switch.host_request)
        connect(m, switch.host_reply, executor.bus_reply)
        connect(m, player.request, switch.player_request)
        connect(m, switch.player_reply, player.reply)
        connect(m, executor.play, player.play)
        connect(m, executor.sample, player.i)
        register_slice(m, "outgoing", player.sample, self.sample)
        m.d.comb += switch.playing.eq(player.playing)
        if self.chip:
            self.add_copier(m, executor, player, switch, store)
            return
        connect(m, switch.core_request, flipped(self.bus_request))
        connect(m, flipped(self.bus_reply), switch.core_reply)
        connect(m, switch.store_request, store.request)
        connect(m, store.reply, switch.store_reply)
        m.d.comb += executor.playing.eq(player.playing)
        m.d.comb += executor.refused.eq(player.refused)

    def add_copier(
        self, m: Module, executor: Executor, player: Player, switch: StoreSwitch, store: Any
    ) -> None:
        """The copier in the roads from the switch to core and store."""
        m.submodules.copier = copier = Copier(self.config)
        connect(m, executor.copy, copier.asked)
        connect(m, switch.core_request, copier.host_request)
        connect(m, copier.host_reply, switch.core_reply)
        connect(m, copier.core_request, flipped(self.bus_request))
        connect(m, flipped(self.bus_reply), copier.core_reply)
        connect(m, switch.store_request, copier.user_request)
        connect(m, copier.user_reply, switch.store_reply)
        register_slice(
            m, "accesses", copier.store_request, store.request
        )  # its words come from far
        register_slice(m, "answers", store.reply, copier.store_reply)
        m.d.comb += [
            self.copying.eq(copier.copying),
            executor.playing.eq(player.playing | copier.copying),
            executor.refused.eq(player.refused | copier.refused),
        ]
