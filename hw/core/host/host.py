"""What the host sees of a core: its memories over the bus, and its counters. Wiring of Core."""

from amaranth import Mux
from amaranth.lib import wiring

from golden.spec.registers import COUNTERS
from hw.core.base.chunks import place
from hw.core.base.pipeline import later
from hw.core.host.readback import Readback


def wire_memories(m, core):
    """Memories to the host."""
    read, answers, walk = core.readback, core.answers, core.ending
    host = read.active
    wiring.connect(m, wiring.flipped(core.bus_request), read.bus_request)
    wiring.connect(m, read.bus_reply, wiring.flipped(core.bus_reply))
    walked = place(core.config, walk.context.state, walk.chunk)
    m.d.comb += [
        core.membranes.address.eq(Mux(host, answers.place, walked)),
        core.post.address.eq(Mux(host, answers.place, core.signal.state_place)),
        core.spikes.address.eq(Mux(host, answers.spikes_place, core.signal.spikes_place)),
        core.signs.address.eq(Mux(host, answers.signs_place, core.signal.signs_place)),
        core.signs.write.eq(read.write_signs),
        core.signs.write_address.eq(answers.signs_place),
        core.signs.write_class.eq(answers.signs_class),
        core.signs.write_data.eq(read.data),
        read.noise_state.eq(core.noise.state),
        core.noise.load.eq(read.data),
        core.noise.load_low.eq(read.load_noise_low),
        core.noise.load_high.eq(read.load_noise_high),
        core.table.write.eq(read.write_layers),
        core.table.write_layer.eq(read.word),
        core.table.write_field.eq(read.element),
        core.table.write_data.eq(read.data),
        core.trace.peek.eq(read.word),
        core.trace.peek_layer.eq(read.word),
        answers.word.eq(read.word),
        answers.element.eq(read.element),
        answers.membrane_chunk.eq(core.membranes.read),
        answers.post_chunk.eq(core.post.read),
        answers.spike_chunk.eq(core.spikes.read),
        answers.sign_chunk.eq(core.signs.signs),
        answers.layer.eq(core.table.entry_3),
        answers.trace.eq(core.trace.peek_entry),
        answers.count.eq(core.trace.peek_count),
        read.weights.eq(answers.weights),
    ]
    for chunk, lanes in enumerate(core.lanes):
        m.d.comb += answers.weight_chunks[chunk].eq(lanes.weights)
    for space in Readback.EARLY_SPACES:
        name = space.name.lower()
        m.d.comb += getattr(read, f"early_{name}").eq(getattr(answers, name))


def wire_counters(m, core):
    """Every cycle has one cause, told a cycle later; work is counted where it is done."""
    count, run, signal = core.counters, core.sequencer, core.signal
    row = core.slots[1]
    busy, issued = later(m, "was_busy", run.busy, 1), later(m, "was_issued", run.issued, 1)
    both = row.update & row.spike
    kinds = {
        "rows_both": both,
        "rows_integrate": row.row & row.spike & ~row.update,
        "rows_update": row.row & row.update & ~row.spike,
        "rows_trace": ~row.row,
    }
    for name, kind in kinds.items():
        m.d.comb += getattr(count, f"add_{name}").eq(issued & kind)
    waits = ("wait_input", "wait_spikes", "wait_signal")
    waiting = [later(m, f"was_{name}", getattr(run, name), 1) for name in waits]
    idle = busy & ~issued
    for name, wait in zip(waits, waiting, strict=True):
        m.d.comb += getattr(count, f"add_{name}").eq(idle & wait)
    m.d.comb += [
        count.clear.eq(core.readback.clear_counters),
        count.add_cycles.eq(busy),
        count.add_turnaround.eq(idle & ~(waiting[0] | waiting[1] | waiting[2])),
        count.add_samples.eq(run.sample_done),
        count.add_steps.eq(run.step_done),
        count.add_events.eq(core.events.taken),
        count.add_spikes.eq(later(m, "new_spikes", signal.new_spikes, 1)),
        count.add_synops.eq(Mux(row.row & row.spike, row.context.valid, 0)),
        count.add_updates.eq(Mux(row.update, row.context.valid, 0)),
    ]
    for counter in COUNTERS:
        name = counter.name
        m.d.comb += getattr(core.readback, name).eq(getattr(count, name))
