"""TESS (arXiv 2502.01837) as the learning rule: latents, class error, projection, gains.

Twin of golden/learn. Works behind the lanes: while a layer integrates, the signal of the one before it is
formed. Logits of all classes grow as the chunks of a layer fire. Then comes a class a cycle for the error,
and four classes a cycle for the projection back on a chunk.
"""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import Component, connect, flipped

from golden.spec.config import CoreConfig
from golden.spec.formats import SURROGATE_BITS, TRACE_BITS
from golden.spec.pooling import CORNERS
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.chunks import chunk_address, chunk_bits
from hw.core.base.pipeline import later
from hw.core.fire.firing import Firing
from hw.core.interfaces import LearningRule
from hw.core.learn.classes import Classes
from hw.core.learn.classifier import Classifier
from hw.core.learn.deferred import Deferred
from hw.core.learn.gain import Gain
from hw.core.learn.latents import Latents
from hw.core.learn.project import Project
from hw.core.learn.signs import Signs
from hw.core.learn.vote import Vote


class Tess(Component):
    """Owns surrogates, post traces, random signs, and winners of pooling windows. Ports: LearningRule."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(LearningRule(config))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.latents = self.latents = Latents(config)
        m.submodules.classes = self.classes = Classes(config)
        m.submodules.gain = self.gain = Gain(config)
        m.submodules.signs = self.signs = Signs(config)
        m.submodules.deferred = deferred = Deferred(config)
        self._memories(m)
        if config.classifier_groups:
            self._classifier(m)
        connect(m, flipped(self.host_signs), self.signs.host)
        connect(m, self.classes.layer, flipped(self.layer))
        connect(m, self.classes.found, self.gain.classes)
        connect(m, self.gain.gains, flipped(self.gains))
        connect(m, self.gain.spikes, flipped(self.spikes))
        connect(m, self.gain.marks, deferred.marks)
        connect(m, flipped(self.deferred), deferred.query)
        m.d.comb += deferred.clear.eq(self.phase.clear | self.phase.drop)
        self._logits(m)
        self._busy(m)
        return m

    def _memories(self, m: Module) -> None:
        """What the neurons of each group did, until their gains are formed."""
        config, gain = self.config, self.gain
        m.submodules.surrogates = surrogates = ChunkMemory(config, SURROGATE_BITS)
        connect(m, flipped(self.surrogates), surrogates.write)
        connect(m, gain.surrogates, surrogates.read)
        m.submodules.post = post = ChunkMemory(
            config, TRACE_BITS, host=True, exists=bool(config.post_traces)
        )
        connect(m, gain.new_post, post.write)
        connect(m, gain.post, post.read)
        connect(m, flipped(self.host_post), post.host)
        if config.map_pixels:
            windows = -(-config.neuron_groups // CORNERS)
            m.submodules.winners = winners = ChunkMemory(
                config, CORNERS, depth=windows << chunk_bits(config)
            )
            connect(m, flipped(self.winners), winners.write)
            connect(m, gain.winners, winners.read)

    def _classifier(self, m: Module) -> None:
        """Between Classes, which wants logits, and Gain, which walks over the latents."""
        classes, gain = self.classes, self.gain
        m.submodules.classifier = classifier = Classifier(self.config)
        m.submodules.vote = vote = Vote(self.config)
        connect(m, flipped(self.seen), classifier.seen)
        connect(m, classifier.layer, flipped(self.counted))
        connect(m, flipped(self.host_classifiers), classifier.host)
        connect(m, vote.votes, flipped(self.votes))
        wait = Project.LATENCY - Classifier.LATENCY
        m.d.comb += [
            classifier.class_count.eq(self.settings.class_count),
            classifier.start.eq(classes.classify),
            classifier.sweep.base.eq(self.layer.entry.classifier_base),
            classifier.sweep.groups.eq(self.layer.entry.latents),
            classifier.sweep.clear.eq(~classes.found.context.teach),
            classifier.blocked.eq(gain.blocked),
            classes.classified.eq(classifier.found),
            classes.logit.eq(classifier.logit),
            vote.begin.eq(classes.classify),
            vote.valid.eq(classifier.found),
            vote.logit.eq(classifier.logit),
            vote.gain.eq(classes.found.parameters.vote_gain),
            classifier.step.eq(gain.walk),
            classifier.base.eq(gain.base),
            classifier.walks.eq(gain.walks),
            classifier.signals.eq(gain.signals),
            classifier.moves.eq(gain.moves),
            gain.latents.eq(later(m, "latents", classifier.m, wait)),
        ]

    def _logits(self, m: Module) -> None:
        """Chunks that fire come first to the signs; Gain waits."""
        seen, latents, classes, gain = self.seen, self.latents, self.classes, self.gain
        signs, lead = self.signs.read, Firing.SEEN_LEAD
        coming = later(m, "coming", seen.coming, 1)
        latent = later(m, "latent", seen.latent, 1)
        m.d.comb += [
            gain.blocked.eq(coming.valid),
            signs.address.eq(
                Mux(
                    coming.valid,
                    chunk_address(self.config, latent, coming.chunk),
                    gain.signs.address,
                )
            ),
            gain.signs.signs.eq(signs.signs),
            latents.valid.eq(seen.chunk.valid),
            latents.readout.eq(seen.readout),
            latents.number.eq(seen.number),
            latents.restart.eq(later(m, "restart", seen.restart, lead)),
            latents.spikes.eq(seen.spikes),
            latents.potentials.eq(seen.potentials),
            latents.signs.eq(signs.signs),
        ]
        summed = later(m, "summed", seen.chunk, Latents.LATENCY)
        last = summed.context.final & (summed.chunk == self.config.chunks - 1)
        m.d.comb += [
            classes.class_count.eq(self.settings.class_count),
            classes.label.eq(self.head.header.label),
            classes.load.eq(summed.valid & last),
            classes.loaded.eq(summed.context),
            classes.logits.eq(latents.logits),
            gain.class_count.eq(self.settings.class_count),
        ]

    def _busy(self, m: Module) -> None:
        """Layers whose signal is claimed and not formed; room for another layer's logits."""
        control, finished = self.control, Signal.like(self.control.busy)
        for done, layer in (
            (self.classes.dropped, self.classes.found.context.layer),
            (self.gain.done, self.gain.layer),
        ):
            with m.If(done):
                m.d.comb += finished.bit_select(layer, 1).eq(1)
        m.d.sync += control.busy.eq((control.busy | control.claim) & ~finished)
        m.d.sync += control.full.eq((control.full | control.last) & ~self.classes.free)
