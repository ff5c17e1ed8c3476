"""Slots on their way to the lanes: of rows as the merge finds them, and of replayed ones."""

from amaranth import Cat, Mux, Signal

from hw.core.base.pipeline import later
from hw.core.base.tokens import slot, visit
from hw.core.schedule.replay import Replay


def issue(m, run):
    """Pipeline of slots: replayed ones wait Replay.LATENCY cycles for their row."""
    config = run.config
    here = Signal(slot(config))
    lanes = run.config.lanes
    there = run.replayed | run.fresh_valid
    m.d.comb += [
        here.address.eq(run.offset),
        here.update.eq(run.updates),
        here.first.eq(run.first),
        here.last.eq(run.ending & ~run.held & ~run.flush),
        here.context.layer.eq(run.layer),
        here.context.state.eq(run.state),
        here.context.valid.eq(Mux(run.outputs_left > lanes, lanes, run.outputs_left)),
        here.context.final.eq(run.final),
        here.context.fresh.eq(run.step == 0),
        here.context.learn.eq(run.learn),
        here.context.teach.eq(run.learn & (run.step >= run.header.learn_from)),
    ]
    with m.If(there & ~(run.ending & ~run.held)):
        m.d.sync += run.first.eq(0)
    with m.If((there | ~run.first) & (run.short != 0)):
        m.d.sync += run.short.eq(run.short - 1)

    tail = later(m, "replay", here, Replay.LATENCY)
    mark = later(
        m, "mark", Cat(run.replayed, run.replayed & ~run.ending), Replay.LATENCY
    )  # slot, row
    chosen = Signal(slot(config))
    row = Signal(visit(config))
    valid, is_row = Signal(), Signal()
    with m.If(mark[0]):
        m.d.comb += chosen.eq(tail), row.eq(run.replay.visit)
        m.d.comb += valid.eq(1), is_row.eq(mark[1])
    with m.Else():
        m.d.comb += chosen.eq(here), row.eq(run.fresh_visit)
        m.d.comb += valid.eq(run.fresh_valid), is_row.eq(run.fresh_valid & ~run.ending)
    learns = chosen.update & ((row.trace != 0) | row.spiked)
    m.d.sync += [
        run.slot.eq(chosen),
        run.slot.row.eq(is_row & (learns | row.spike)),
        run.slot.update.eq(is_row & learns),
        run.slot.spike.eq(is_row & row.spike),
        run.slot.trace.eq(row.trace),
        run.slot.spiked.eq(row.spiked),
        run.slot.address.eq(chosen.address + row.row),
        run.slot.first.eq(valid & chosen.first),
        run.slot.last.eq(valid & chosen.last),
        run.issued.eq(is_row),
    ]
