"""A device as the host uses it: load a network, run samples through it, read its weights back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from golden.averaging import Averaging
from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.frames import Command
from golden.spec.layers import ENTRY_WORDS, FIELD_NAMES
from golden.spec.network import Network
from golden.spec.packing import pack_signs
from golden.spec.registers import Space, play_entries, play_words
from golden.spec.samples import Result, SampleStatus, encode_sample
from golden.spec.sdram import SdramConfig, beside
from golden.spec.weights import Weights
from sw.device.channel import Channel
from sw.device.classifiers import check_classifiers, read_classifiers, write_classifiers
from sw.device.identity import DeviceError, check_result, identify, tell_full
from sw.device.in_flight import Submitted
from sw.device.inputs import SampleLike, Series, chip_frames
from sw.device.payloads import Payloads
from sw.device.rows import check_weights, read_layer, write_layer
from sw.device.sample_store import OnPart, SampleStore, StoredSample
from sw.device.state import LayerState
from sw.device.table import check_table
from sw.link import DEFAULT_BAUD, open_transport


@dataclass(frozen=True)
class Asked:
    """Commands whose results are still to come."""

    pieces: list[Submitted]
    """Those of one sample, of which the last has its result; or one PLAY."""
    samples: int = 1
    """Results in the last piece: the samples of a PLAY, otherwise 1."""


def _nobody(number: int, count: int) -> None:
    """Called before part `number` of `count` runs a block, where a network runs in parts; set it to hear."""


class Device(LayerState):
    """One core at the other end of a channel, which it owns. `load` sets `network` and `layers`."""

    averaging: Averaging | None = None
    """Of several boards that learn one model; None: this is one."""
    on_part: Callable[[int, int], None] = staticmethod(_nobody)

    @property
    def cut(self) -> tuple[str, ...]:
        """The parts that its network runs in; none: it runs whole."""
        return ()

    def __init__(self, channel: Channel, expected: CoreConfig | None = None) -> None:
        """Read who is there, and check it. Raises DeviceError, or LinkError."""
        super().__init__(channel, identify(channel, expected))
        channel.configure(self.config)
        self.sample_store = SampleStore(self)
        self.network: Network | None = None
        self.layers = []
        self._payloads = Payloads(self.config)

    @classmethod
    def open(
        cls,
        target: str,
        *,
        config: CoreConfig | str | None = None,
        baud: int = DEFAULT_BAUD,
        memory: SdramConfig | None = None,
    ) -> Self:
        """Open `sim`, `golden`, `golden-numpy` or `serial:PORT`.

        `config` is what a simulated or golden core is built with, or its name in CORES. A board says itself
        what it is; with a `config` it must be that. `memory` is what such a core has beside the FPGA, in
        which its sample store is then (as it is with a `config` whose store is too large for block RAM).
        Raises LinkError or DeviceError, or UnknownName.
        """
        if isinstance(config, str):
            config = CORES[config]
        if config is not None and not isinstance(config, CoreConfig):
            raise DeviceError(
                f"config is a {type(config).__name__}; give a CoreConfig, or a name of CORES: "
                f"{', '.join(CORES)}"
            )
        if memory is not None:
            config = beside(config or CoreConfig(), memory)
        transport = open_transport(target, config=config, baud=baud, memory=memory)
        try:
            return cls(Channel(transport), config)
        except BaseException:
            transport.close()
            raise

    def as_model(self) -> Device:
        """An integer model that learns the same. Raises LinkError."""
        return Device.open("golden", config=self.config)

    def restart(self) -> None:
        """Give up what is under way: after an exception in the middle of it. Raises LinkError.

        The device may hold anything then; load what it shall hold.
        """
        self.channel.restart()
        self.sample_store.clear()

    def close(self) -> None:
        """Let go of the device."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Networks and weights

    def load(self, network: Network, weights: list[NDArray[np.int32]] | None = None) -> None:
        """Write everything `network` needs; `weights` instead of its initial ones.

        Raises DoesNotFit or ValueError before anything is written.
        """
        layers = network.layers(self.config)
        self._hold(network)
        for index, layer in enumerate(layers):
            self.write(Space.LAYERS, index * ENTRY_WORDS, np.array(layer.encode()))
        self.set_register("layer_count", len(layers))
        self.set_register("class_count", network.classes)
        self.noise_state = network.noise_seed
        self.write(Space.SIGNS, 0, pack_signs(self.config, network.classes))
        self.write_weights(network.initial_weights() if weights is None else weights)

    def attach(self, network: Network) -> None:
        """Use the `network` that the device holds already: nothing is written.

        Raises DeviceError when its layer table is another one (learning rates apart), DoesNotFit.
        """
        check_table(self, network)
        self._hold(network)

    def _hold(self, network: Network) -> None:
        """The device holds it, or is about to."""
        self.layers = network.layers(self.config)
        self.network = network
        self.sample_store.clear()

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale` (0 to 1) from now on."""
        first = FIELD_NAMES.index("rate")
        assert FIELD_NAMES[first + 1] == "rate_cost"
        classifier = FIELD_NAMES.index("classifier_rate")
        for index, layer in enumerate(self._loaded().layers(self.config, scale)):
            words = np.array([layer.rate, layer.rate_cost])
            self.write(Space.LAYERS, index * ENTRY_WORDS + first, words)
            if layer.classifier:
                word = index * ENTRY_WORDS + classifier
                self.write(Space.LAYERS, word, np.array([layer.classifier_rate]))

    def write_weights(self, weights: list[NDArray[np.int32]]) -> None:
        """Write the weights [rows, outputs] of every layer, and the classifiers that learn.

        A plain list is of layers alone: then classifiers are zero. Raises DeviceError for other shapes.
        """
        network, given = self._loaded(), Weights.of(weights).classifiers
        check_weights(weights, network.weight_shapes, self.config.weight_bits)
        check_classifiers(network, given)
        placed = zip(self.layers, network.placements(self.config), weights, strict=True)
        for layer, placement, values in placed:
            write_layer(self, layer, placement, values)
        write_classifiers(self, network, self.layers, given)

    def read_weights(self) -> Weights:
        """The weights on the chip: int32[rows, outputs] of every layer, and the classifiers that learn."""
        network = self._loaded()
        placed = zip(self.layers, network.placements(self.config), strict=True)
        weights = [read_layer(self, layer, placement) for layer, placement in placed]
        return Weights(weights, read_classifiers(self, network, self.layers))

    # Samples

    def run(self, samples: Iterable[SampleLike], *, learn: bool) -> Iterator[Result]:
        """Run samples, many in flight, and yield their results in order.

        Samples of the sample store (`store_samples`) are played from there, several at a time. They
        are learned the same, but their results may come without scores. Raises ValueError for a label or an
        input the network does not have, DeviceError when the device found fault with a sample.
        """
        self._loaded()
        most = play_entries(self.config)
        waiting: deque[Asked] = deque()
        batch: list[StoredSample] = []
        for sample in samples:
            if isinstance(sample, StoredSample) and self.sample_store.holds(sample):
                batch.append(sample)
                if len(batch) < most:
                    continue
                waiting.append(self._play(batch, learn))
            else:
                if batch:
                    waiting.append(self._play(batch, learn))
                waiting.append(self._stream(sample, learn))
            while waiting and waiting[0].pieces[-1].done:
                yield from self._finish(waiting.popleft())
        if batch:
            waiting.append(self._play(batch, learn))
        while waiting:
            yield from self._finish(waiting.popleft())

    def store_samples(self, samples: Series, on_part: OnPart | None = None) -> int:
        """Write the first of `samples` to the board's sample store; returns how many fit.

        Then `sample_store.find(samples, index)` is a sample to `run` that need not cross the link. What a
        store beside the FPGA holds already is not sent again (`sample_store.found`), whoever sent it.
        `on_part` is called with the words that are there, and all, while they are sent.
        Loading a network empties the store. Raises ValueError for a sample the network cannot take.
        """
        self._loaded()
        return self.sample_store.fill(samples, self.stored_payload, on_part)

    def stored_payload(self, sample: SampleLike) -> bytes:
        """What the sample store keeps of a sample. Raises ValueError for one the network cannot take."""
        network, bits = self._loaded(), self.config.input_bits
        frames = chip_frames(sample, network)
        since = network.learn_from(len(frames))
        return encode_sample(frames, sample.label, learn=True, learn_from=since, input_bits=bits)

    def check(self, sample: SampleLike) -> None:
        """Raise what `run` would for a sample that cannot be sent: ValueError, DeviceError."""
        self._payloads.of(sample, self._loaded(), learn=True)

    def step_through(self, sample: SampleLike, *, learn: bool = False) -> Iterator[int]:
        """Run a sample step by step; yields after every step.

        In between, membranes, traces and spikes can be read. Without `learn` traces are on, but
        learning is off: the rates are left at zero.
        """
        network = self._loaded()
        frames = chip_frames(sample, network)
        if not learn:
            self.set_rates(0)
        since = network.learn_from(len(frames))
        pieces = [*frames[:, None], frames[:0]]
        for step, piece in enumerate(pieces):
            last = step == len(pieces) - 1
            payload = encode_sample(
                piece, sample.label, learn=True, learn_from=since, first=step == 0, last=last,
                input_bits=self.config.input_bits,
            )  # fmt: skip
            self._finish(Asked([self.channel.submit(Command.SAMPLE, payload)]))
            if not last:
                yield step

    # Insides

    def _loaded(self) -> Network:
        if self.network is None:
            raise DeviceError("no network on the device; load one first")
        return self.network

    def _play(self, batch: list[StoredSample], learn: bool) -> Asked:
        """Have samples of the sample store run. Empties `batch`."""
        payload, samples = b"".join(stored.entry(learn) for stored in batch), len(batch)
        batch.clear()
        words = play_words(self.config, samples, len(self.layers))
        return Asked([self.channel.submit(Command.PLAY, payload, words)], samples)

    def _stream(self, sample: SampleLike, learn: bool) -> Asked:
        """Send a sample."""
        payloads = self._payloads.of(sample, self._loaded(), learn=learn)
        return Asked([self.channel.submit(Command.SAMPLE, data) for data in payloads])

    def _finish(self, asked: Asked) -> list[Result]:
        """Results of a sample's last piece, or of all that were played, when all went well."""
        results: list[Result] = []
        full = SampleStatus.OK
        for piece in asked.pieces:
            words = np.frombuffer(piece.result(), "<u2").reshape(asked.samples, -1)
            results = [Result.from_words(row, self.config.layers) for row in words.tolist()]
            for result in results:
                check_result(result)
                tell_full(result, self.config)
            full |= results[0].status
        return results if len(asked.pieces) == 1 else [replace(results[0], status=full)]
