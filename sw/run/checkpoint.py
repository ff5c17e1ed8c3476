"""A training run at one moment, in one file. Training goes on from it to the same bits.

The file is safetensors: tensors `layer0.weight`, …, int16 [rows, outputs], the readout last, then
`classifier_0`, … of classifiers that learn (`sw.run.tensors`), and JSON in its metadata for the rest. The
file is written whole or not at all, and has a checksum (`sw.run.sealed`): a file with a flipped bit is
refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from golden.averaging import Averaging
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.registers import fingerprint
from sw.data import Dataset
from sw.device import Device, Weights
from sw.printable import short
from sw.run.files import FileError
from sw.run.metrics import Plan, Progress
from sw.run.sealed import FORMAT, load_weights, save_weights

DIGEST = 32
"""Characters of a `digest`. Those of earlier versions were shorter, and left most samples out."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Everything that decides how training goes on from one moment."""

    weights: Weights
    """int32[rows, outputs] of every layer, the readout's last, and the classifiers that learn."""
    noise_state: int
    """State of the random sequence of stochastic rounding, u32; of several boards, or parts, of the first."""
    network: Network
    """The network."""
    core: CoreConfig
    """The random numbers of a weight depend on the lanes, so another core goes on differently."""
    plan: Plan = field(default_factory=Plan)
    """Epochs, order of samples, schedule of the rates."""
    progress: Progress = field(default_factory=Progress)
    """Position in the plan, and the metrics up to it."""
    samples: str = ""
    """`digest` of the training samples; empty: nothing was learned yet."""
    config: dict[str, Any] = field(default_factory=dict)
    """The run's config.json."""
    averaging: Averaging | None = None
    """Of several boards that learn the model; None: of one."""
    more_noise_states: tuple[int, ...] = ()
    """Noise states of the boards, or of the parts of a network, behind the first one."""
    cut: tuple[str, ...] = ()
    """The parts that the network ran in; none: it ran whole."""

    @property
    def noise_states(self) -> tuple[int, ...]:
        """Of every board."""
        return (self.noise_state, *self.more_noise_states)

    def save(self, path: Path) -> None:
        """Write the file. Raises FileError."""
        metadata = {
            "format": FORMAT,
            "network": json.dumps(self.network.as_dict()),
            "core": json.dumps(self.core.as_dict()),
            "fingerprint": f"{fingerprint(self.core):016x}",
            "noise_state": str(self.noise_state),
            "plan": json.dumps(asdict(self.plan)),
            "progress": json.dumps(self.progress.as_dict()),
            "samples": self.samples,
            "config": json.dumps(self.config),
        }
        if self.averaging:
            metadata["averaging"] = json.dumps(asdict(self.averaging))
        if self.averaging or self.more_noise_states:
            metadata["more_noise_states"] = json.dumps(self.more_noise_states)
        if self.cut:
            metadata["cut"] = json.dumps(self.cut)
        save_weights(path, self.weights, metadata)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises FileError."""
        weights, metadata = load_weights(path)
        try:
            averaging = json.loads(metadata.get("averaging", "null"))
            core = CoreConfig(**json.loads(metadata["core"]))
            made = metadata["fingerprint"]
            checkpoint = cls(
                weights=weights,
                noise_state=int(metadata["noise_state"]),
                network=Network(**json.loads(metadata["network"])),
                core=core,
                plan=Plan(**json.loads(metadata["plan"])),
                progress=Progress.from_dict(json.loads(metadata["progress"])),
                samples=metadata["samples"],
                config=json.loads(metadata["config"]),
                averaging=Averaging(**averaging) if averaging else None,
                more_noise_states=tuple(json.loads(metadata.get("more_noise_states", "[]"))),
                cut=tuple(json.loads(metadata.get("cut", "[]"))),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FileError(
                f"{path}: not a checkpoint ({type(error).__name__}: {error}); "
                "start a new run with its weights: train --from"
            ) from error
        if made != f"{fingerprint(core):016x}":
            raise FileError(
                f"{path}: made with fingerprint {made}, this software has {fingerprint(core):016x}, "
                "so it may not go on to the same bits; check out the version that made it, or "
                "start a new run with its weights: train --from"
            )
        return checkpoint

    @classmethod
    def of(
        cls,
        device: Device,
        *,
        plan: Plan | None = None,
        progress: Progress | None = None,
        samples: str = "",
        config: dict[str, Any] | None = None,
    ) -> Self:
        """Read weights and noise state off a loaded device; the others are fields."""
        assert device.network is not None, "a network is loaded before it is kept"
        return cls(
            weights=device.read_weights(),
            noise_state=device.noise_states[0],
            more_noise_states=device.noise_states[1:],
            cut=device.cut,
            averaging=device.averaging,
            network=device.network,
            core=device.config,
            plan=plan or Plan(),
            progress=progress or Progress(),
            samples=samples,
            config=config or {},
        )

    def restore(self, device: Device) -> None:
        """Put a device into this state. Raises DoesNotFit; FileError for another core, or other parts."""
        if device.config != self.core:
            raise FileError(
                f"checkpoint of a core with {self.core}, the device has {device.config}: another "
                "core rounds differently; use one like it, or start anew with train --from"
            )
        device.load(self.network, self.weights)
        if device.cut != self.cut:
            raise FileError(
                f"checkpoint of a network that ran {_named(self.cut)}; here it runs {_named(device.cut)}, to "
                "other bits: check out the version that made it, or start anew with train --from"
            )
        device.noise_states = self.noise_states


def _named(cut: tuple[str, ...]) -> str:
    return short(f"in parts ({'; '.join(cut)})") if cut else "whole"


def digest(samples: Dataset) -> str:
    """Hash of what a data set is: its sizes, and frames, label and name of every sample."""
    parts = [len(samples), samples.n_inputs, samples.steps, samples.keys]
    sha = hashlib.sha256(repr(parts).encode())
    sha.update(samples.labels.astype("<i8").tobytes())
    for bits in samples.packed.bits:
        sha.update(bits.tobytes())
    return sha.hexdigest()[:DIGEST]
