"""Networks as users write them: 578-384-10, 2x34x34:16c3p-32c3p-10, 2x32x32:vgg9-11."""

from __future__ import annotations

import re
from dataclasses import dataclass

from golden.spec.config import CoreConfig
from golden.spec.declare import declarations
from golden.spec.layout import Placement, placements
from golden.spec.names import near
from golden.spec.network import Network
from golden.spec.shape import NAMED, Map, Stage, maps, parse_stages
from sw.presets import PRESETS

EXAMPLES = (
    "578-384-10 is 578 inputs, 384 neurons, 10 classes; 2x34x34:16c3p-32c3p-10 is a map of 2 channels, "
    "34 x 34 pixels, two convolutions with pooling, 10 classes; 2x32x32:vgg9-11 the paper's VGG-9"
)


@dataclass(frozen=True)
class Shape:
    """Inputs, hidden layers and classes, and when they learn; nothing about rates or weights."""

    inputs: Map
    stages: tuple[Stage, ...]
    classes: int
    latent_side: int = 4
    learned: bool = False
    """The classifiers of its maps learn."""
    learn_last: int = 0
    """Steps at the end of a sample that have a learning signal; 0: all."""
    input_bits: int = 1
    """Bits of the value that an input carries; 1: a spike."""

    @classmethod
    def of(cls, network: Network) -> Shape:
        """That of a network."""
        inputs = Map(*network.input_map) if network.input_map else Map(network.inputs)
        stages = parse_stages(network.stages) or tuple(Stage(n) for n in network.hidden)
        return cls(
            inputs,
            stages,
            network.classes,
            network.latent_side,
            learned=network.classifiers == "learned",
            learn_last=network.learn_last,
            input_bits=network.input_bits,
        )

    def __str__(self) -> str:
        flat = not any(stage.kind.mapped for stage in self.stages) and self.inputs.positions == 1
        first = f"{self.inputs.channels}-" if flat else f"{self.inputs}:"
        return first + "-".join([*map(str, self.stages), str(self.classes)])

    def placements(self, lanes: int) -> list[Placement]:
        """Every layer on a core of so many lanes, the readout last."""
        return placements(self.inputs, self.stages, self.classes, lanes, self.latent_side)

    def learning_steps(self, steps: int) -> int:
        """Steps of a sample that have a learning signal."""
        return min(self.learn_last or steps, steps)

    @property
    def synapses(self) -> int:
        """Weights, biases of the readout included."""
        stages = (*self.stages, Stage(self.classes))
        seen = maps(self.inputs, self.stages)
        return self.classes + sum(s.synapses(m) for s, m in zip(stages, seen, strict=True))

    @property
    def neurons(self) -> int:
        """Neurons of all layers, before pooling, the readout's included."""
        seen = zip((*self.stages, Stage(self.classes)), maps(self.inputs, self.stages), strict=True)
        return sum(stage.fired(inputs).neurons for stage, inputs in seen)


def parse(text: str) -> Shape:
    """A network from its text or the name of a preset. Raises ValueError, with what is understood."""
    if text in PRESETS:
        preset = PRESETS[text]
        return Shape.of(preset.make_network(preset.samples(train=False, limit=1)))
    inputs, colon, layers = text.partition(":")
    parts = layers.split("-") if colon else text.split("-")[1:]
    source = _inputs(inputs if colon else text.split("-")[0], text)
    if not parts or not parts[-1].isdecimal() or int(parts[-1]) < 1:
        last = (
            "a name needs the number of classes behind it: " if parts and parts[-1] in NAMED else ""
        )
        raise ValueError(
            f"network {text!r}: {last}the last part is the number of classes; {EXAMPLES}"
        )
    most = declarations(CoreConfig)["classes"].high
    if most is not None and int(parts[-1]) > most:
        raise ValueError(
            f"network {text!r}: {parts[-1]} classes, and a core has at most {most}; is the number of classes "
            f"missing? {text}-10 has 10"
        )
    try:
        shape = Shape(source, parse_stages(parts[:-1]), int(parts[-1]))
        if not colon and any(stage.kind.mapped for stage in shape.stages):
            raise ValueError(
                f"a convolution needs a map: begin with 2x34x34: or the like; {EXAMPLES}"
            )
        maps(shape.inputs, shape.stages)
    except ValueError as error:
        raise ValueError(f"network {text!r}: {error}") from error
    return shape


def _inputs(text: str, whole: str) -> Map:
    """Inputs as channels x height x width, or their number."""
    found = re.fullmatch(r"(\d+)(?:x(\d+)x(\d+))?", text)
    if not found:
        names = ", ".join(PRESETS)
        raise ValueError(
            f"network {whole!r}{near(whole, PRESETS)}: it begins with its inputs, or is a preset ({names}); "
            f"{EXAMPLES}"
        )
    try:
        return Map(*(int(part) for part in found.groups() if part))
    except ValueError as error:
        raise ValueError(f"network {whole!r}: {error}") from error
