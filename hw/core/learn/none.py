"""No learning rule: a core that infers with the weights it is given."""

from typing import Any

from amaranth import Module
from amaranth.lib.wiring import Component

from golden.spec.config import CoreConfig
from hw.core.interfaces import LearningRule


class NoLearning(Component):
    """Never busy, and never a gain: no weight changes. Ports: LearningRule, whose outputs stay zero.

    The host reads zeros as signs and post traces, and what it writes as signs is lost.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(LearningRule(config))

    def elaborate(self, platform: Any) -> Module:
        return Module()
