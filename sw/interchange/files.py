"""A trained network in a file of its own: .safetensors or .npz, integers that come back exactly.

Both hold `layer0.weight`, `layer1.weight`, ... int16 [rows, outputs], the readout last with its bias as
the last row, and JSON beside them: the network, the core it was trained on, its data set. Both
have a checksum over all of it. A .safetensors is written as a run's checkpoint is, so it can also be read
as one.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import DataError
from sw.data.npy import load_arrays
from sw.device import Weights
from sw.printable import reason
from sw.run import Checkpoint, FileError, RunFolder, write_atomically
from sw.run.sealed import FORMAT, SUM, load_weights

NPZ, SAFETENSORS, NIR = ".npz", ".safetensors", ".nir"
SUFFIXES = (NIR, SAFETENSORS, NPZ)


@dataclass(frozen=True)
class Trained:
    """A network, its weights, and where it comes from."""

    network: Network
    core: CoreConfig
    weights: Weights
    """int32[rows, outputs] of every layer; classifiers that learn stay with their run."""
    data: dict[str, Any] | None = None
    """Its data set, as in a run's config.json."""

    @classmethod
    def of_run(cls, path: Path) -> Self:
        """What a run learned. Raises FileError."""
        run = RunFolder(path)
        network, core = run.network_and_core()
        weights = Weights(run.weights())  # without classifiers, which are for learning alone
        return cls(network, core, weights, run.config().get("data"))

    def save(self, path: Path) -> None:
        """Write .safetensors or .npz. Raises FileError."""
        if path.suffix == SAFETENSORS:
            Checkpoint(
                weights=self.weights,
                noise_state=self.network.noise_seed,
                network=self.network,
                core=self.core,
                config={"data": self.data} if self.data else {},
            ).save(path)
            return
        about = {
            "format": FORMAT,
            "network": self.network.as_dict(),
            "core": self.core.as_dict(),
            "data": self.data,
        }
        arrays: dict[str, Any] = {
            f"layer{i}.weight": values.astype(np.int16) for i, values in enumerate(self.weights)
        }
        about[SUM] = _sum(about, list(arrays.values()))
        buffer = io.BytesIO()
        np.savez_compressed(buffer, about=np.array(json.dumps(about)), **arrays)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises FileError."""
        weights, about = (_read_npz if path.suffix == NPZ else _read_safetensors)(path)
        try:
            network, core = Network(**about["network"]), CoreConfig(**about["core"])
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise FileError(
                f"{path}: no network in it ({type(error).__name__}: {reason(error)}); it must come from "
                "`export`, or from a run; bring networks of other tools in as .nir"
            ) from error
        return cls(network, core, weights, about.get("data"))


def check_suffix(path: Path) -> None:
    """Raise ValueError for a file that is none of SUFFIXES."""
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: give it one of the endings {', '.join(SUFFIXES)}")


def _read_npz(path: Path) -> tuple[Weights, dict[str, Any]]:
    try:
        found = load_arrays(path)
        if "about" not in found:
            return Weights(), {}
        about = json.loads(str(found["about"]))
        arrays = [found[f"layer{i}.weight"] for i in range(len(found) - 1)]
        right = isinstance(about, dict) and about.pop(SUM, None) == _sum(about, arrays)
    except FileNotFoundError as error:
        raise FileError(f"{path}: no such file") from error
    except DataError as error:
        why = reason(error.__cause__ or error)
        raise FileError(f"{path}: not an exported network ({why}); export it again") from error
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise FileError(
            f"{path}: not an exported network ({reason(error)}); export it again"
        ) from error
    if not right:
        raise FileError(
            f"{path}: its checksum is missing or wrong, so it is damaged, or of an earlier version; "
            "export it again"
        )
    return Weights(array.astype(np.int32) for array in arrays), about


def _sum(about: dict[str, Any], arrays: list[NDArray[Any]]) -> str:
    """SHA-256 of all that an .npz says."""
    sha = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in arrays:
        sha.update(f"{array.dtype.str} {array.shape}".encode() + array.tobytes())
    return sha.hexdigest()


def _read_safetensors(path: Path) -> tuple[Weights, dict[str, Any]]:
    weights, metadata = load_weights(path)
    try:
        about = {name: json.loads(metadata[name]) for name in ("network", "core")}
        return weights, about | {"data": json.loads(metadata.get("config", "{}")).get("data")}
    except (KeyError, ValueError, AttributeError, RecursionError):
        return weights, {}
