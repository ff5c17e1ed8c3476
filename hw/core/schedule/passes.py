"""What a pass does in a cycle: the row it asks for, and what follows its end. Parts of the Sequencer.

Each is called in one of its states, with the Sequencer as `run`.
"""

from amaranth import Mux, Signal

from golden.spec.config import CoreConfig

GAP = 3  # slots before the next pixel's pass, which may read the last row this one wrote


def slots_lacking(config: CoreConfig) -> int:
    """Slots that every pass needs beside its first: one a chunk of lanes; Pool needs two in all."""
    return max(config.chunks - 1, bool(config.map_pixels))


def merged_rows(m, run):
    """Group 0: rows as the merge finds them."""
    token = run.visits.payload
    m.d.comb += [
        run.visits.ready.eq(~run.held),
        run.fresh_visit.eq(token),
        run.fresh_valid.eq(run.visits.valid),
        run.ending.eq(run.visits.valid & token.end),
        run.replay.record.eq(run.visits.valid & ~token.end),
        run.wait_input.eq(run.starved & ~run.visits.valid & (run.layer == 0)),
        run.wait_spikes.eq(run.starved & ~run.visits.valid & (run.layer != 0)),
    ]
    _end(m, run)


def replayed_rows(m, run):
    """Further groups: every row again, or the spikes alone if there is nothing to update."""
    length = Mux(run.updates, run.replay.visited, run.replay.spiked)
    m.d.comb += [
        run.replay.address.eq(run.at),
        run.replay.spikes_only.eq(~run.updates),
        run.replayed.eq(1),
        run.ending.eq(run.at == length),
    ]
    with m.If(~run.ending):
        m.d.sync += run.at.eq(run.at + 1)
    _end(m, run)


def windows(m, run):
    """Pixels that share weights: the list is recorded while one pass after the other visits it."""
    window, replay = run.window, run.replay
    token, there, soon = window.stretches.payload, Signal(), Signal()
    address = Signal.like(run.at)
    # of an average, the next stretch of a pass may begin with the row that this one ended with
    average = run.entry_reg.flags.average
    m.d.comb += soon.eq(average & ~run.within & ~token.end & (run.gap != 0))
    m.d.comb += [
        there.eq(window.stretches.valid & ~soon),
        window.visits.valid.eq(run.visits.valid),
        run.visits.ready.eq(window.visits.ready),
        replay.record.eq(window.record),
        address.eq(Mux(run.within, run.at, token.first)),
        replay.address.eq(address),
        replay.spikes_only.eq(~token.updates),
        run.replayed.eq(there),
        run.ending.eq(there & token.end),
        run.offset.eq(token.offset),
        run.updates.eq(token.updates),
        run.final.eq(token.final),
        run.wait_input.eq(~there & run.starved & (run.layer == 0)),
        run.wait_spikes.eq(~there & run.starved & (run.layer != 0)),
    ]
    last = address + 1 == token.beyond
    m.d.comb += window.stretches.ready.eq(Mux(token.end, ~run.held, last & ~soon))
    with m.If(there & ~token.end):
        m.d.sync += run.at.eq(address + 1), run.within.eq(~last)
        with m.If(token.updates):
            m.d.sync += run.gap.eq(Mux(average, GAP + 1, GAP))  # there is no end between
    _end(m, run)
    with m.If(run.ending & ~run.held):
        with m.If(token.pixel_end):
            m.d.sync += run.outputs_left.eq(run.entry_reg.outputs)
        with m.If(~token.final):
            m.next = "WINDOW"


def _end(m, run):
    with m.If(run.held & (run.short == 0) & (run.gap == 0)):
        m.d.comb += run.wait_signal.eq(1)
    with m.If(run.ending & ~run.held):
        _next_group(m, run)


def _next_group(m, run):
    m.d.comb += run.goes_on.eq(1)
    m.d.sync += [
        run.at.eq(0),
        run.group.eq(run.group + 1),
        run.last_group.eq(run.group + 2 == run.entry_reg.groups),
        run.base.eq(run.base + run.entry_reg.rows),
        run.state.eq(run.state + 1),
        run.outputs_left.eq(run.outputs_left - run.config.lanes),
        run.first.eq(1),
        run.short.eq(slots_lacking(run.config)),
    ]
    m.next = "REPLAY"
    with m.If(run.final):
        m.next = "NEXT"
