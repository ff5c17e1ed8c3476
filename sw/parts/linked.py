"""One part of a network on a device at the other end of a link: brought, run, taken away.

The device knows nothing of parts. A part's layer table, weights, classifiers and noise state are put into
the core before its samples run, and taken from there when they have learned; `keeping` says from where, and
to where. Samples go step by step, as those in several frames may: behind each step the spikes of the part's
last layer are read, and pooled here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from golden.fire.pool import pool
from golden.parts import Given, Ran, nothing
from golden.spec.formats import MOST_MAP_INPUTS
from golden.spec.frames import HEADER, Command
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.parts import Part
from golden.spec.registers import Space, memories, unpack_lanes
from golden.spec.samples import (
    SAMPLE_HEADER,
    Result,
    SampleStatus,
    encode_sample,
)
from golden.spec.values import slot_bits
from golden.spec.weights import Weights
from sw.device.blocks import Blocks
from sw.device.identity import check_result
from sw.device.in_flight import Submitted
from sw.device.payloads import in_frames
from sw.parts.image import Image
from sw.parts.keeping import Allocator, InHost, OnBoard


class LinkedPart:
    """One part on a device. `golden.parts.Runs` says what it offers."""

    def __init__(self, device: Blocks, network: Network, part: Part, allocator: Allocator) -> None:
        """Its weights are kept in the board's memory, if there is room. Nothing is sent.

        Raises what `check_linked` and `Part.table` do.
        """
        check_linked(device, network, part)
        self.device, self.network, self.part = device, network, part
        self.layers = part.table(network, device.config)
        self.noise_state = 0
        image = Image(part, self.layers, network.classes, device.config)
        first = allocator.take(image.words)
        self.kept = InHost(device, image) if first is None else OnBoard(device, image, first)

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale`."""
        self.layers = self.part.table(self.network, self.device.config, scale)

    def write(self, share: Weights) -> None:
        """Take weights and classifiers; they are sent when the part runs."""
        self.kept.write(share)

    def read(self) -> Weights:
        """Weights and classifiers as they are now. Raises LinkError, DeviceError."""
        return self.kept.read(self.layers)

    def run(self, samples: Sequence[Given], *, learn: bool) -> list[Ran]:
        """Run samples, one after the other. Raises LinkError, DeviceError."""
        self._bring()
        ran = list(
            self._each_step(samples, learn) if self.part.blank else self._whole(samples, learn)
        )
        if learn:
            self._take()
        return ran

    def counters(self) -> dict[str, int]:
        """The device has them, for all parts together."""
        return {}

    def _bring(self) -> None:
        """Put everything that the part needs into the core."""
        self.kept.bring(self.layers)
        self.device.set_register("layer_count", len(self.layers))
        self.device.set_register("class_count", self.network.classes)
        self.device.set_register("noise_state", self.noise_state)

    def _take(self) -> None:
        """Keep what the part has learned."""
        self.kept.take(self.layers)
        self.noise_state = self.device.register("noise_state")

    def _each_step(self, samples: Sequence[Given], learn: bool) -> Iterator[Ran]:
        """Step by step, with what the last layer shows after each."""
        for given in samples:
            shown, cycles, status = [], 0, SampleStatus.OK
            pieces = [*given.frames[:, None], given.frames[:0]]
            for step, frames in enumerate(pieces):
                last = step == len(pieces) - 1
                payload = encode_sample(
                    frames, given.label, learn=learn, learn_from=self._since(given),
                    first=step == 0, last=last, input_bits=self.device.config.input_bits,
                )  # fmt: skip
                result = self._result(self.device.channel.submit(Command.SAMPLE, payload))
                cycles, status = cycles + result.cycles, status | result.status
                if not last:
                    shown.append(self._shown())
            yield Ran(replace(result, cycles=cycles, status=status), np.array(shown, np.bool_))

    def _whole(self, samples: Sequence[Given], learn: bool) -> Iterator[Ran]:
        """Whole samples, many in flight: behind the last part nobody wants its spikes."""
        waiting: deque[tuple[int, list[Submitted]]] = deque()
        for given in samples:
            how = {"learn": learn, "learn_from": self._since(given)}
            payloads = in_frames(given.frames, given.label, self.device.config, **how)
            pieces = [self.device.channel.submit(Command.SAMPLE, each) for each in payloads]
            waiting.append((len(given.frames), pieces))
            while waiting and waiting[0][1][-1].done:
                yield self._finish(*waiting.popleft())
        while waiting:
            yield self._finish(*waiting.popleft())

    def _finish(self, steps: int, pieces: list[Submitted]) -> Ran:
        results = [self._result(piece) for piece in pieces]
        cycles = sum(result.cycles for result in results)
        status = reduce(or_, (result.status for result in results))
        return Ran(replace(results[-1], cycles=cycles, status=status), nothing(steps))

    def _result(self, submitted: Submitted) -> Result:
        words = np.frombuffer(submitted.result(), "<u2").tolist()
        result = Result.from_words(words, self.device.config.layers)
        check_result(result)
        return result

    def _shown(self) -> NDArray[np.integer]:
        """Spikes of the last layer in the step that has just run, as the next one sees them."""
        at, config = self.layers[len(self.part.layers) - 1], self.device.config
        memory = memories(config)[Space.SPIKES]
        words = self.device.read(
            Space.SPIKES, at.state_base * memory.stride, at.state_groups * memory.stride
        ).reshape(-1, memory.stride)
        lanes = unpack_lanes(words[:, : memory.elements], config).reshape(at.positions, -1)
        return pool(lanes.astype(np.int64), at).spikes[:, : at.outputs]

    def _since(self, given: Given) -> int:
        return self.network.learn_from(len(given.frames))


def check_linked(device: Blocks, network: Network, part: Part) -> None:
    """Raise DoesNotFit for a part that today's cores or frames do not take, though they have room for it."""
    first, config = part.placements[0], device.config
    text = f"network {network.name}, {part}"
    if part.inputs > MOST_MAP_INPUTS and first.kind.shared:
        raise DoesNotFit(
            f"{text}: it takes in {part.inputs} neurons, the layer table counts {MOST_MAP_INPUTS}; "
            "pool the map before, or use --target golden"
        )
    bits = slot_bits(config.input_bits) if part.first == 0 and config.graded else 1
    step = SAMPLE_HEADER.size + 1 + -(-part.inputs * bits // 8)
    room = config.frame_bytes - HEADER.size
    if step > room:
        raise DoesNotFit(
            f"{text}: a step takes {step} bytes, {room} fit in a frame; build the core with a larger "
            "frame_bytes"
        )
