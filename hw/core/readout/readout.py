"""What a sample answers: spikes and scores are counted while it runs, and sent when it is done."""

from typing import Any

from amaranth import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from hw.core.interfaces import Phase, ResultControl, SampleHead, Seen, Settings
from hw.core.ports import ResultWords
from hw.core.readout.result import Result
from hw.core.readout.scores import Scores
from hw.core.readout.spike_counts import SpikeCounts


class Readout(Component):
    """Owns scores and spike counts. It does not depend on the learning rule.

    settings    classes in use
    head        the sample that is coming in, and what was wrong with it
    phase       where in the sample the core is
    seen        chunks that fired
    control     the sample is done
    result      its result, to the link
    new_spikes  spikes that are being counted in this cycle
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "settings": In(Settings()),
                "head": In(SampleHead()),
                "phase": In(Phase()),
                "seen": In(Seen(config)),
                "control": In(ResultControl()),
                "result": Out(ResultWords),
                "new_spikes": Out(bits_for(config.chunk_lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.scores = scores = Scores(self.config)
        m.submodules.spike_counts = counts = SpikeCounts(self.config)
        m.submodules.result = result = Result(self.config)
        connect(m, flipped(self.control), result.control)
        connect(m, result.result, flipped(self.result))
        seen = self.seen
        m.d.comb += [
            scores.clear.eq(self.phase.clear),
            scores.class_count.eq(self.settings.class_count),
            scores.valid.eq(seen.chunk.valid & seen.readout),
            scores.number.eq(seen.number),
            scores.potentials.eq(seen.potentials),
            scores.index.eq(result.score_index),
            result.score.eq(scores.score),
            counts.clear.eq(self.phase.clear),
            counts.valid.eq(seen.chunk.valid & ~seen.readout),
            counts.layer.eq(seen.chunk.context.layer),
            counts.spikes.eq(seen.spikes),
            counts.index.eq(result.spike_index),
            result.spike_count.eq(counts.count),
            self.new_spikes.eq(counts.new_spikes),
            result.busy.eq(self.phase.busy),
            result.begin.eq(self.head.begin),
            result.status.eq(self.head.status),
            result.class_count.eq(self.settings.class_count),
        ]
        return m
