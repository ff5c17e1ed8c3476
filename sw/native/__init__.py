"""The integer core as compiled C++, some fifty times as fast as NumPy. See core.cc.

    network -> NativeCore(network, config); .run(spikes, order, learn=True); .weights

`golden.core` is the specification; tests/test_native.py holds this one to it, bit for bit. `NativeCore` is
for experiments of millions of samples. `compiled_core.CompiledCore` is what the target `golden` runs: all of
`golden.core.Core` with its memories and registers. Fields, flags and number formats reach C++ as a header
that declared.py writes from golden.spec; library.py compiles.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.ctypeslib import ndpointer
from numpy.typing import NDArray

from golden.layer_major import NO_CLASSIFIER
from golden.spec.config import CoreConfig
from golden.spec.layers import FIELD_NAMES, Layer
from golden.spec.network import Network
from golden.spec.packing import sign_matrix
from golden.spec.samples import SampleStatus
from sw.data import Dataset
from sw.native.library import compiled

SOURCES = ("core.cc", "patches.h")
SUM_BITS = 32  # of a lane in core.cc
COUNTERS = (
    *("steps", "events", "spikes", "synops", "updates"),
    *("rows_both", "rows_integrate", "rows_update", "rows_trace"),
)


@cache
def library() -> ctypes.CDLL:
    """The compiled core, made when its source or the machine changed. Raises RuntimeError."""
    return _declare(compiled("core", [Path(__file__).with_name(name) for name in SOURCES]))


def _declare(lib: ctypes.CDLL) -> ctypes.CDLL:
    handle, number = ctypes.c_void_p, ctypes.c_int
    long, whole = ndpointer(np.int64, flags="C"), ndpointer(np.int32, flags="C")
    small = ndpointer(np.int8, flags="C")
    signs = ctypes.POINTER(ctypes.c_void_p)
    lib.core_new.restype, lib.core_new.argtypes = handle, [*[number] * 5, whole, signs]
    lib.core_full.restype, lib.core_full.argtypes = ctypes.c_uint32, [handle]
    lib.core_free.argtypes = [handle]
    lib.core_at_end.argtypes = [handle]
    lib.core_weights.restype = ctypes.POINTER(ctypes.c_int16)
    lib.core_weights.argtypes = [handle, number]
    lib.core_classifier.restype = ctypes.POINTER(ctypes.c_int16)
    lib.core_classifier.argtypes = [handle, number]
    lib.core_noise.restype, lib.core_noise.argtypes = ctypes.POINTER(ctypes.c_uint32), [handle]
    lib.core_counters.restype, lib.core_counters.argtypes = ctypes.POINTER(ctypes.c_int64), [handle]
    lib.core_record.argtypes = [handle, number, ctypes.c_void_p]
    lib.core_set_rates.argtypes = [handle, *[number] * 4]
    samples: list[Any] = [long, whole, small, whole, number, long]
    samples += [ctypes.c_int64, number, number, long, long]
    lib.core_run.argtypes = [handle, *samples]
    lib.core_state.restype = ctypes.POINTER(ctypes.c_int32)
    lib.core_state.argtypes = [handle, number, number]
    lib.core_sums.restype = ctypes.POINTER(ctypes.c_int64)
    lib.core_sums.argtypes = [handle, number]
    lib.core_step.restype, lib.core_step.argtypes = ctypes.POINTER(number), [handle]
    lib.core_listed.restype, lib.core_listed.argtypes = number, [handle, number]
    lib.core_get_list.argtypes = [handle, number, *[whole] * 3]
    lib.core_set_list.restype = number
    lib.core_set_list.argtypes = [handle, number, number, *[whole] * 3]
    lib.core_piece.argtypes = [handle, long, whole, small, *[number] * 6]
    return lib


def new_core(
    config: CoreConfig, classes: int, layers: Sequence[Layer], signs: Sequence[NDArray[np.integer]]
) -> int:
    """A core in C++ that `core_free` frees. `signs`: B of every layer, [classes, latents], +-1."""
    table = np.array([[getattr(e, name) for name in FIELD_NAMES] for e in layers], np.int32)
    held = [np.ascontiguousarray(each, np.int8) for each in signs]
    pointers = (ctypes.c_void_p * len(held))(*(each.ctypes.data for each in held))
    sizes = (config.lanes, config.weight_bits, classes, config.list_depth, len(layers))
    core: int = library().core_new(*sizes, table, pointers)
    return core


def sums_fit(first: Layer, config: CoreConfig, input_bits: int) -> bool:
    """Whether the sums of the first layer fit into SUM_BITS, whatever the weights and values are."""
    largest = first.rows << (config.weight_bits + input_bits - 2)
    return not largest >> SUM_BITS - 1


@dataclass(frozen=True)
class Spikes:
    """A data set as lists of rows: step t of sample i is rows[offsets[i T + t] : offsets[i T + t + 1]].

    `values` has what each of them carries: 1 of a spike.
    """

    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[np.int8]
    labels: NDArray[np.int32]
    steps: int

    @classmethod
    def of(cls, dataset: Dataset) -> "Spikes":
        """Take them from a data set."""
        counts, rows, values = [], [], []
        for sample in dataset:
            there = np.nonzero(sample.frames)
            counts.append(np.bincount(there[0], minlength=len(sample.frames)))
            rows.append(there[1].astype(np.int32))
            values.append(sample.frames[there].astype(np.int8))
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts), dtype=np.int64)])
        labels = dataset.labels.astype(np.int32)
        return cls(offsets, np.concatenate(rows), np.concatenate(values), labels, dataset.steps)

    def spikes_only(self, rule: str) -> None:
        """Raise ValueError, naming the rule that takes spikes alone, unless every value is 1."""
        if (self.values != 1).any():
            raise ValueError(
                f"{rule}: takes spikes alone, these inputs carry values; use golden.reference"
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Outcome:
    """What samples came to: scores [samples, classes], spikes [samples, layers]."""

    scores: NDArray[np.int64]
    spikes: NDArray[np.int64]

    @property
    def predictions(self) -> NDArray[np.intp]:
        """Class of each sample: the highest score, the first one on a tie."""
        return self.scores.argmax(axis=1)


def status_of(lib: ctypes.CDLL, core: int) -> SampleStatus:
    """What a core in C++ says of the samples that it has run last: for which layers lists were full."""
    return SampleStatus(SampleStatus.LIST_FULL * lib.core_full(core))


class Held:
    """A core in C++ with layers on it, and what may be read and set from outside. Weights begin as 0."""

    def __init__(
        self, network: Network, config: CoreConfig, layers: list[Layer], input_bits: int
    ) -> None:
        """Layers of `network`, of which the first takes values of `input_bits`.

        Raises RuntimeError without a compiler, ValueError for sums that 32 bits might not hold.
        """
        self.network, self.config, self.layers, self._lib = network, config, layers, library()
        if not sums_fit(layers[0], config, input_bits):
            raise ValueError(
                f"weights of {config.weight_bits} bits times values of {input_bits}: their sums "
                f"might not fit in {SUM_BITS} bits; use fewer bits, or golden.core"
            )
        signs = [sign_matrix(network.classes, e.latent_groups * config.lanes) for e in layers]
        self._core = new_core(config, network.classes, layers, signs)

    def __del__(self) -> None:
        if hasattr(self, "_core"):
            self._lib.core_free(self._core)

    @property
    def noise_state(self) -> int:
        """State of its random sequence, u32."""
        return int(self._lib.core_noise(self._core)[0])

    @noise_state.setter
    def noise_state(self, value: int) -> None:
        self._lib.core_noise(self._core)[0] = value

    def _counted(self) -> dict[str, int]:
        """Work since the start, by the chip's names."""
        values = self._lib.core_counters(self._core)
        return {name: int(values[i]) for i, name in enumerate(COUNTERS)}

    def _take_rates(self, layers: list[Layer]) -> None:
        """Learn with the rates of these entries from now on."""
        for index, layer in enumerate(layers):
            rates = (layer.rate, layer.rate_cost, layer.classifier_rate)
            self._lib.core_set_rates(self._core, index, *rates)

    def _lanes(self, index: int) -> NDArray[np.int16]:
        """View of a layer's weights, [rows, groups x lanes]."""
        layer = self.layers[index]
        shape = (layer.rows, layer.groups * self.config.lanes)
        return np.ctypeslib.as_array(self._lib.core_weights(self._core, index), shape)


class NativeCore(Held):
    """A core with a network on it; with `at_end`, updates as in `golden.layer_major`."""

    def __init__(self, network: Network, config: CoreConfig, *, at_end: bool = False) -> None:
        """Load `network` with its initial weights; classifiers that learn start at 0.

        Raises DoesNotFit, RuntimeError, and ValueError for such classifiers with `at_end`, and for values
        whose sums 32 bits might not hold.
        """
        super().__init__(network, config, network.layers(config), network.input_bits)
        if at_end and any(layer.classifier for layer in self.layers):
            raise ValueError(NO_CLASSIFIER)
        if at_end:
            self._lib.core_at_end(self._core)
        self.noise_state = network.noise_seed
        placed = zip(
            self.weights, network.placements(config), network.initial_weights(), strict=True
        )
        for weights, placement, initial in placed:
            weights[placement.row_numbers()] = initial

    @property
    def weights(self) -> list[NDArray[np.int16]]:
        """Views of the weights [rows of the chip, outputs] of every layer."""
        return [self._lanes(at)[:, : layer.outputs] for at, layer in enumerate(self.layers)]

    @property
    def classifiers(self) -> list[NDArray[np.int16]]:
        """Views [classes, latents with idle lanes] of the layers' classifiers; [classes, 0] without one."""
        views = []
        for index, layer in enumerate(self.layers):
            shape = (self.network.classes, layer.latent_groups * self.config.lanes)
            if layer.classifier:
                pointer = self._lib.core_classifier(self._core, index)
                views.append(np.ctypeslib.as_array(pointer, shape))
            else:
                views.append(np.zeros((self.network.classes, 0), np.int16))
        return views

    @property
    def counters(self) -> dict[str, int]:
        """Work since the start, by the chip's names."""
        return self._counted()

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale`."""
        self._take_rates(self.network.layers(self.config, scale))

    def run(self, spikes: Spikes, order: NDArray[np.integer], *, learn: bool) -> Outcome:
        """Run the samples of `order`, in it."""
        chosen = np.ascontiguousarray(order, np.int64)
        scores = np.zeros((len(chosen), self.network.classes), np.int64)
        fired = np.zeros((len(chosen), len(self.layers)), np.int64)
        first = self.network.learn_from(spikes.steps)
        self._lib.core_run(
            *(self._core, spikes.offsets, spikes.rows, spikes.values, spikes.labels, spikes.steps),
            *(chosen, len(chosen), learn, first, scores, fired),
        )
        return Outcome(scores, fired)
