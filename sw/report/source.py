"""All that a report is made of: a run's files, and what was measured for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import DATASETS, Dataset
from sw.data.events import Sensor
from sw.device import Weights
from sw.report.measured import Measured, measure
from sw.run import Epoch, FileError, RunFolder, Watcher


@dataclass(frozen=True)
class Source:
    """A run, read and measured."""

    name: str
    """The run's folder, as it was named."""
    config: dict[str, Any]
    """config.json."""
    metrics: dict[str, Any]
    """metrics.json."""
    network: Network
    """The network."""
    core: CoreConfig
    """The core that it ran on."""
    weights: Weights
    """After the last sample that was learned."""
    measured: Measured
    """What the integer model does with them."""
    set_name: str
    """What the measured samples are."""
    sensor: Sensor | None
    """Shape of the inputs, when they are an image."""
    same_tests: bool = True
    """The measured samples are the run's own test samples, all of them."""

    @property
    def epochs(self) -> list[Epoch]:
        """The complete epochs."""
        return [Epoch(**epoch) for epoch in self.metrics["epochs"]]

    @property
    def initial(self) -> Weights | None:
        """What training began with; None when that was another run's weights."""
        return None if self.config.get("start") else self.network.initial_weights()

    def label(self, number: int) -> str:
        """Name of a class: its number, where the data set has no names."""
        names = self.config.get("data", {}).get("class_names") or []
        return str(names[number]) if number < len(names) else str(number)

    @property
    def target(self) -> str:
        """What the run ran on."""
        return str(self.config.get("target", "an unnamed target"))

    @property
    def in_mid_epoch(self) -> bool:
        """Weights are newer than the last test accuracy."""
        learned = sum(epoch.samples for epoch in self.epochs)
        return bool(self.metrics["samples_learned"] > learned)

    @property
    def disagreement(self) -> str:
        """What to say when the model does not repeat the accuracy that the run has recorded."""
        recorded = self.metrics["test_accuracy"]
        if recorded is None or self.in_mid_epoch or not self.same_tests:
            return ""
        if abs(recorded - self.measured.accuracy) < 1e-9:
            return ""
        return (
            f"The run recorded a test accuracy of {recorded:.1%}, the integer model finds "
            f"{self.measured.accuracy:.1%} with its weights: other test samples, or a device that "
            "does not equal the model (train with --shadow golden)."
        )

    @classmethod
    def of(
        cls,
        run: RunFolder,
        samples: Dataset,
        *,
        shown: int = 0,
        same_tests: bool = True,
        watcher: Watcher | None = None,
    ) -> Source:
        """Read a run and measure it on `samples`, number `shown` step by step.

        Raises FileError, DoesNotFit, or ValueError.
        """
        network, core = run.network_and_core()
        weights = run.weights()
        config, metrics = run.config(), run.metrics()
        try:
            _ = [Epoch(**epoch) for epoch in metrics["epochs"]], metrics["samples_learned"]
        except (KeyError, TypeError) as error:
            raise FileError(f"{run.path}: metrics.json lacks {error}; train again") from error
        measured = measure(network, core, weights, samples, shown=shown, watcher=watcher)
        return cls(
            name=str(run.path),
            config=config,
            metrics=metrics,
            network=network,
            core=core,
            weights=weights,
            measured=measured,
            set_name=samples.name,
            sensor=sensor_of(config, network),
            same_tests=same_tests,
        )


def sensor_of(config: dict[str, Any], network: Network) -> Sensor | None:
    """Shape of the inputs, when they are an image of one or two polarities."""
    data = config.get("data", {})
    entry = DATASETS.get(data.get("name", ""))
    sensor = entry.sensor if entry else None
    if data.get("sensor"):
        sensor = Sensor(*data["sensor"])
    if sensor is None:
        return None
    small = sensor.reduced(data.get("pool", 1), data.get("size"))
    image = small.height > 1 and small.polarities <= 2
    return small if image and small.n_inputs == network.inputs else None


def folder_name(path: Path) -> str:
    """A run's folder in a title."""
    return path.resolve().name
