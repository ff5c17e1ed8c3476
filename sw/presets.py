"""Named starting points: a data set, a network for it and a schedule, measured together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import Dataset, load


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What `train` starts from; every value can be set on its own."""

    text: str
    """One line for a user."""
    data: str = "nmnist"
    """Data set, as in sw.data.DATASETS."""
    pool: int = 1
    """OR-pooling of the sensor's pixels."""
    steps: int = 10
    """Time steps per sample."""
    hidden: tuple[int, ...] = (128,)
    """Neurons of each hidden layer."""
    epochs: int = 6
    """Passes over the training samples."""
    core: str = "ulx3s-85f"
    """Core configuration it is meant for."""
    network: dict[str, Any] = field(default_factory=dict)
    """Fields of golden.spec.network.Network that differ from its defaults."""

    @property
    def config(self) -> CoreConfig:
        """The core it is meant for."""
        return CORES[self.core]

    def samples(self, *, train: bool = True, limit: int | None = None) -> Dataset:
        """Its training or test samples. Raises DataError."""
        return load(self.data, train=train, steps=self.steps, pool=self.pool, limit=limit)

    def make_network(self, samples: Dataset, **changes: Any) -> Network:
        """Its network for these samples, with fields changed. Raises ValueError."""
        sizes = (samples.n_inputs, *self.hidden, samples.classes)
        return Network(**{"sizes": sizes, **self.network, **changes})


PRESETS: dict[str, Preset] = {
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
    "smoke": Preset(
        text="generated patterns on the smallest core: seconds, also in simulation",
        data="synthetic",
        hidden=(12,),
        epochs=4,
        steps=5,
        core="tiny",
        network={"eta": 0.01, "eta_out": 0.01},
    ),
}
"""The presets by name."""

DEFAULT = "nmnist-fast"
"""Used when neither a preset nor another data set is named."""
