"""What a sample answers: spikes and scores are counted while it runs, and sent when it is done."""

from typing import Any

from amaranth import Module, Value
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from hw.core.interfaces import ClassVotes, Phase, ResultControl, SampleHead, Seen, Settings
from hw.core.ports import ResultWords
from hw.core.readout.result import Result
from hw.core.readout.scores import Scores
from hw.core.readout.spike_counts import SpikeCounts
from hw.core.readout.votes import Votes


class Readout(Component):
    """Owns scores and spike counts. It does not depend on the learning rule.

    settings    classes in use
    head        the sample that is coming in, and what was wrong with it
    phase       where in the sample the core is
    seen        chunks that fired
    control     the sample is done
    result      its result, to the link
    votes       where there are classifiers: what they add to the scores
    new_spikes  spikes that are being counted in this cycle
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        votes = {"votes": In(ClassVotes(config))} if config.classifier_groups else {}
        super().__init__(
            votes
            | {
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
            result.score.eq(self._total(m, scores.score, result.score_index)),
        ]
        return m

    def _total(self, m: Module, score: Value, index: Value) -> Value:
        """A class's score, and the votes for it where there are classifiers."""
        if not self.config.classifier_groups:
            return score
        m.submodules.votes = votes = Votes(self.config)
        connect(m, flipped(self.votes), votes.votes)
        m.d.comb += votes.clear.eq(self.phase.clear), votes.index.eq(index), votes.score.eq(score)
        return votes.total
