"""Named starting points: a data set, a network for it and a schedule, measured together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.names import Named
from golden.spec.network import Network
from golden.spec.shape import parse_stages
from sw.data import DEFAULT_WINDOW_US, Dataset, load
from sw.data.binning import Window
from sw.data.datasets import entry
from sw.data.events import Size

VALUES = ("input_bits", "input_fraction")
"""What samples say of their inputs."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What `train` starts from; every value can be set on its own."""

    text: str
    """One line for a user."""
    data: str = "nmnist"
    """Data set, as in sw.data.DATASETS."""
    pool: int = 1
    """OR-pooling of the sensor's pixels."""
    size: Size | None = None
    """Instead of pooling, columns and rows to scale the sensor's pixels down to."""
    window_us: Window = DEFAULT_WINDOW_US
    """Time window of a recording that is a sample: start and end, microseconds."""
    steps: int = 10
    """Time steps per sample."""
    hidden: tuple[int | str, ...] = (128,)
    """Neurons of each hidden layer, or a convolution as `golden.spec.shape` writes it: 16c3p."""
    epochs: int = 6
    """Passes over the training samples."""
    core: str = "ulx3s-85f"
    """Core configuration it is meant for."""
    network: dict[str, Any] = field(default_factory=dict)
    """Fields of golden.spec.network.Network that differ from its defaults."""
    options: dict[str, Any] = field(default_factory=dict)
    """What only this data set has, as arguments of `load`."""
    input_bits: int = 1
    """Bits of the signed value that an input carries; 1: a spike. The core is built for it."""
    input_fraction: int | None = None
    """Fraction bits of it; None: what is usual for the data set."""

    @property
    def config(self) -> CoreConfig:
        """The core it is meant for."""
        return replace(CORES[self.core], input_bits=self.input_bits)

    def samples(
        self,
        root: str | None = None,
        *,
        train: bool = True,
        limit: int | None = None,
        seed: int = 0,
    ) -> Dataset:
        """Its training or test samples, from a folder if they are not included. Raises DataError."""
        how = {**self.binning, **self.options, "seed": seed}
        return load(self.data, root, train=train, limit=limit, **how)

    @property
    def binning(self) -> dict[str, Any]:
        """Its frames, as arguments of `load`."""
        names = ("steps", "size" if self.size else "pool", "window_us", *VALUES)
        return {name: getattr(self, name) for name in names}

    def on(self, data: str) -> Preset:
        """The same network for another data set, with the frames that are usual for that.

        Raises:
            DataError: there is no data set of that name.
        """
        of = entry(data)
        frames = {name: getattr(of, name) for name in ("steps", "pool", "size", "window_us")}
        return replace(self, data=data, **frames)

    def make_network(self, samples: Dataset, **changes: Any) -> Network:
        """Its network for these samples, with fields changed. Raises ValueError.

        What inputs carry is what the samples have.
        """
        values = {name: getattr(samples, name) for name in VALUES}
        settings = {**self.network, **values, **changes}
        stages = parse_stages([str(layer) for layer in self.hidden])
        if any(stage.kind.mapped for stage in stages):
            if samples.input_map is None:
                raise ValueError(
                    f"{samples.name}: its inputs are no map of pixels; a convolution needs one"
                )
            shape = (samples.input_map.channels, samples.input_map.height, samples.input_map.width)
            texts = tuple(map(str, stages))
            return Network.of_stages(shape, texts, samples.classes, **settings)
        sizes = (samples.n_inputs, *(stage.outputs for stage in stages), samples.classes)
        return Network(**{"sizes": sizes, **settings})


LEARNED: dict[str, Any] = {
    **{"classifiers": "learned", "guess": "even", "score": "all", "learn_last": 1},
    **{"init_scale": 2.0, "eta_classifier": 0.18, "eta_out": 0.003},
    **{"weight_fraction": 12, "readout_fraction": 12},
}
"""Maps that learn from classifiers of their own, once an image; but for their rates."""

RECORDED: dict[str, Any] = {
    **LEARNED,
    **{"score": "output", "learn_last": 0, "eta": 0.001, "eta_classifier": 0.2},
}
"""The same for recordings: every step is another, so all of them teach."""

PRESETS: Named[Preset] = Named(
    "preset",
    {
        "nmnist-fast": Preset(
            text="N-MNIST, all 34 x 34 x 2 inputs, 128 neurons",
            epochs=8,
            network={"rate_cost": 0.1},
        ),
        "nmnist-best": Preset(
            text="N-MNIST, pooled to 17 x 17 x 2 inputs, 384 neurons",
            pool=2,
            hidden=(384,),
            epochs=8,
            network={"logit_scale": 0.4, "rate_cost": 0.1},
        ),
        "nmnist-conv": Preset(
            text="N-MNIST, all inputs, convolutions to 16 and 32 channels",
            hidden=("16c3p", "32c3p"),
            epochs=8,
            core="ulx3s-85f-maps",
            network={"eta": 0.001, "logit_scale": 0.4},
        ),
        "nmnist-learned": Preset(
            text="N-MNIST as in nmnist-conv, learned through classifiers that learn",
            hidden=("16c3p", "32c3p"),
            epochs=8,
            core="ulx3s-85f-classifiers",
            network=RECORDED,
        ),
        "nmnist8-learned": Preset(
            text="N-MNIST digits 0 to 7, all inputs, otherwise as nmnist-learned",
            data="nmnist8",
            hidden=("16c3p", "32c3p"),
            epochs=8,
            core="ulx3s-85f-classifiers",
            network=RECORDED,
        ),
        "nmnist8": Preset(
            text="N-MNIST digits 0 to 7, pooled to 17 x 17 x 2 inputs, 384 neurons",
            data="nmnist8",
            pool=2,
            hidden=(384,),
            epochs=6,
            network={"logit_scale": 0.4, "rate_cost": 0.1},
        ),
        "mnist": Preset(
            text="MNIST images, rate-coded, 384 neurons",
            data="mnist",
            hidden=(384,),
            steps=8,
            epochs=5,
            network={"logit_scale": 0.1, "rate_cost": 0.1},
        ),
        "mnist-maps": Preset(
            text="MNIST images of 4 bits, convolutions to 16 and 32 channels, learned as cifar10-learned",
            data="mnist",
            hidden=("16c3p", "32c3p"),
            steps=6,
            epochs=3,
            core="ulx3s-85f-classifiers",
            network={
                **LEARNED,
                **{"eta": (0.001, 0.003), "eta_classifier": 0.5, "eta_out": 0.03},
                "readout_fraction": 10,  # a rate so large has no integer with more
            },
            input_bits=4,
            input_fraction=3,
        ),
        "cifar10": Preset(
            text="CIFAR-10 images, halved, 2 levels of 3 colours, 192 neurons",
            data="cifar10",
            pool=2,
            hidden=(192,),
            steps=6,
            epochs=6,
            network={"logit_scale": 0.2, "rate_cost": 0.1, "eta": 0.0008},
        ),
        "fsdd": Preset(
            text="spoken digits, 16 bands of 4 levels, 384 neurons",
            data="fsdd",
            hidden=(384,),
            epochs=8,
            network={"logit_scale": 0.4, "rate_cost": 0.1, "eta": 0.0016, "eta_out": 0.006},
        ),
        "fsdd-learned": Preset(
            text="spoken digits as maps, convolutions to 16 and 32 channels, learned as nmnist-learned",
            data="fsdd-maps",
            hidden=("16c3", "32c3p"),
            epochs=8,
            core="ulx3s-85f-classifiers",
            network=RECORDED,
        ),
        "cues": Preset(
            text="cue accumulation: memory over two seconds, 64 neurons",
            data="cues",
            hidden=(64,),
            steps=45,
            epochs=10,
            network={
                **{"gamma": 0.98, "lambda_pre": 0.98, "alpha_pre": 4.0, "eta": 0.0005},
                "learn_last": 3,
            },
        ),
        "cifar10-conv": Preset(
            text="CIFAR-10 images, 3 colours of one bit, convolutions to 16 and 32 channels",
            data="cifar10",
            hidden=("16c3p", "32c3p"),
            steps=6,
            epochs=6,
            core="ulx3s-85f-maps",
            network={
                **{"eta": (0.00003, 0.0001), "eta_out": 0.001},
                **{"logit_scale": 0.4, "readout_fraction": 10},
            },
            options={"levels": 1},
        ),
        "cifar10-learned": Preset(
            text="CIFAR-10 images as in cifar10-conv, learned through classifiers that learn, once an image",
            data="cifar10",
            hidden=("16c3p", "32c3p"),
            steps=6,
            epochs=6,
            core="ulx3s-85f-classifiers",
            network={**LEARNED, "eta": (0.0006, 0.0018)},
            options={"levels": 1},
        ),
        "cifar10-graded": Preset(
            text="CIFAR-10 images, normalised colours of 4 bits, otherwise as cifar10-learned",
            data="cifar10",
            hidden=("16c3p", "32c3p"),
            steps=6,
            epochs=6,
            core="ulx3s-85f-classifiers",
            network={**LEARNED, "eta": (0.0003, 0.0009)},
            input_bits=4,
        ),
        "gesture-conv": Preset(
            text="time windows of 150 ms of gestures, 32 x 32 x 2 inputs, convolutions to 16 and 32 channels",
            data="dvsgesture",
            hidden=("16c3p", "32c3p"),
            size=(32, 32),
            window_us=(0, 150_000),
            steps=10,
            epochs=12,
            core="ulx3s-85f-maps",
            network={"eta": 0.001, "logit_scale": 0.4},
            options={"every_window": True, "split_time": 1_000_000},
        ),
        "gesture-learned": Preset(
            text="the windows of gesture-conv, learned as nmnist-learned",
            data="dvsgesture",
            hidden=("16c3p", "32c3p"),
            size=(32, 32),
            window_us=(0, 150_000),
            steps=10,
            epochs=12,
            core="ulx3s-85f-classifiers",
            network=RECORDED,
            options={"every_window": True, "split_time": 1_000_000},
        ),
        "smoke": Preset(
            text="generated patterns on the smallest core: seconds, also in simulation",
            data="synthetic",
            hidden=(12,),
            epochs=4,
            steps=5,
            core="tiny",
            network={"eta": 0.01, "eta_out": 0.01},
        ),
    },
)
"""The presets by name."""

DEFAULT = "nmnist-fast"
"""Used when neither a preset nor another data set is named."""
