"""The store of samples in block RAM, and the switch that leads to any store. Twin of golden/store.py."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.registers import SPACE_SHIFT, Space, store_memory
from hw.core.ports import BusReply, BusRequest

KEY_BIT = 31
"""Of an address at a store: words of its key. The indices of words have fewer bits."""


class BlockStore(Component):
    """Words of a memory, an access a clock, answered two clocks later and in order.

    A memory off the chip can take its place (`MemoryStore`): requests may be made to wait, replies may
    come late, and both wait for whoever is behind them.

    request  accesses; the whole `address` is the index of the word
    reply    their answers; `error` past the end
    """

    def __init__(self, config: CoreConfig) -> None:
        self.depth = store_memory(config).depth
        super().__init__({"request": In(BusRequest), "reply": Out(BusReply)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=16, depth=self.depth, init=[])
        write_port, read_port = memory.write_port(), memory.read_port()
        request, reply = self.request.payload, self.reply.payload
        advance, took, exists = Signal(), Signal(), Signal()
        fetched, missing = Signal(), Signal()
        # address -> block RAM -> output register, all held while the output waits
        m.d.comb += [
            advance.eq(~self.reply.valid | self.reply.ready),
            self.request.ready.eq(advance),
            took.eq(self.request.valid & advance),
            exists.eq(request.address < self.depth),
            write_port.addr.eq(request.address),
            write_port.data.eq(request.data),
            write_port.en.eq(took & request.write & exists),
            read_port.addr.eq(request.address),
            read_port.en.eq(advance),
        ]
        with m.If(advance):
            m.d.sync += [fetched.eq(took), missing.eq(~exists)]
            m.d.sync += [self.reply.valid.eq(fetched), reply.error.eq(missing)]
            m.d.sync += reply.data.eq(read_port.data)
        return m


class StoreSwitch(Component):
    """Leads accesses of the host to core or store by their space, those of the player to the store.

    All accesses of a command are in one space and are answered before the next command begins, and
    a player plays within a command: answers never come from two sides.

    playing                     the store is the player's
    host_request, host_reply    of the executor
    core_request, core_reply    to the core
    player_request, player_reply  of the player
    store_request, store_reply  to the store; the address is an index there, of the key with KEY_BIT
    disturbed                   pulse: registers of a memory's tester are about to be written
    """

    def __init__(self, *, keyed: bool = False) -> None:
        """`keyed`: the store has a key."""
        self.keyed = keyed
        ports: dict[str, Any] = {"playing": In(1)} | ({"disturbed": Out(1)} if keyed else {})
        for side in ("host", "player"):
            ports |= {f"{side}_request": In(BusRequest), f"{side}_reply": Out(BusReply)}
        for side in ("core", "store"):
            ports |= {f"{side}_request": Out(BusRequest), f"{side}_reply": In(BusReply)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        host, player, core = self.host_request, self.player_request, self.core_request
        to_store = Signal()
        space = host.payload.address[SPACE_SHIFT:]
        spaces = (Space.STORE, Space.STORE_KEY) if self.keyed else (Space.STORE,)
        m.d.comb += [
            to_store.eq(space.matches(*spaces)),
            core.payload.eq(host.payload),
            core.valid.eq(host.valid & ~to_store),
            host.ready.eq(Mux(to_store, self.store_request.ready & ~self.playing, core.ready)),
            player.ready.eq(self.store_request.ready & self.playing),
        ]
        wanted = self.store_request
        with m.If(self.playing):
            m.d.comb += [wanted.payload.eq(player.payload), wanted.valid.eq(player.valid)]
        with m.Else():
            m.d.comb += [wanted.payload.eq(host.payload), wanted.valid.eq(host.valid & to_store)]
            m.d.comb += wanted.payload.address.eq(host.payload.address[:SPACE_SHIFT])
            if self.keyed:
                m.d.comb += wanted.payload.address[KEY_BIT].eq(space == Space.STORE_KEY)
        if self.keyed:
            moves = core.valid & core.ready & core.payload.write
            m.d.comb += self.disturbed.eq(moves & (space == Space.SDRAM))

        of_store = self.store_reply.valid & ~self.playing
        m.d.comb += [
            self.host_reply.valid.eq(self.core_reply.valid | of_store),
            self.host_reply.payload.eq(
                Mux(of_store, self.store_reply.payload, self.core_reply.payload)
            ),
            self.core_reply.ready.eq(self.host_reply.ready),
            self.player_reply.valid.eq(self.store_reply.valid & self.playing),
            self.player_reply.payload.eq(self.store_reply.payload),
            self.store_reply.ready.eq(
                Mux(self.playing, self.player_reply.ready, self.host_reply.ready)
            ),
        ]
        return m
