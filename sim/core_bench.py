"""The core beside its integer model: same writes, same samples, whole state compared."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.core import Core
from golden.spec import registers
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.packing import pack_signs, pack_weights
from golden.spec.registers import CYCLE_CAUSES, REGISTERS, Space, address, memories
from golden.spec.samples import Inputs, Result, split_sample
from hw.core.ports import BUS_REPLY, BUS_REQUEST, RESULT_WORD, SAMPLE_BYTE
from sim.streams import StreamSink, StreamSource, Waits

TIMED = {"cycles", *(cause for cause in CYCLE_CAUSES if not cause.startswith("rows"))}
COMPARED = (
    Space.LAYERS,
    Space.SIGNS,
    Space.WEIGHTS,
    Space.MEMBRANES,
    Space.POST_TRACES,
    Space.SPIKES,
    Space.TRACES,
    Space.TRACE_COUNTS,
    Space.CLASSIFIERS,
)


class CoreBench:
    """Drives a `Core` in simulation and its model with the same accesses and samples."""

    def __init__(self, dut: Any, config: CoreConfig, waits: Waits) -> None:
        self.config, self.golden = config, Core(config)
        self._weights_end = 0
        self._layer_count = dut.layer_count
        dut.restart.value = 0
        self._requests = StreamSource(dut, "bus_request", BUS_REQUEST, waits=waits)
        self._replies = StreamSink(dut, "bus_reply", BUS_REPLY, waits=waits)
        self._sample = StreamSource(dut, "sample", SAMPLE_BYTE, waits=waits)
        self._result = StreamSink(dut, "result", RESULT_WORD, waits=waits)

    async def access(self, accesses: list[tuple[int, int, int]]) -> list[dict[str, int]]:
        """(address, data, write) each; the replies."""
        for place, data, write in accesses:
            self._requests.send({"address": place, "data": data, "write": write})
        return await self._replies.receive_many(len(accesses))

    async def write(self, place: int, words: NDArray[np.uint16]) -> None:
        """The same words to core and model."""
        self.golden.write(place, words)
        replies = await self.access([(place + i, int(w), 1) for i, w in enumerate(words)])
        assert not any(reply["error"] for reply in replies), hex(place)

    async def read(self, place: int, count: int) -> NDArray[np.uint16]:
        """Words from the core."""
        replies = await self.access([(place + i, 0, 0) for i in range(count)])
        assert not any(reply["error"] for reply in replies), hex(place)
        return np.array([reply["data"] for reply in replies], np.uint16)

    async def load(self, network: Network) -> None:
        """Layer table, signs, start weights and seed of a network."""
        layers = network.layers(self.config)
        for name, words in (
            ("layer_count", [len(layers)]),
            ("class_count", [network.classes]),
            ("noise_state", [network.noise_seed & 0xFFFF, network.noise_seed >> 16]),
        ):
            await self.write(registers.register_address(name), np.array(words, np.uint16))
        table = np.array([layer.encode() for layer in layers], np.uint16).reshape(-1)
        await self.write(address(Space.LAYERS), table)
        await self.write(address(Space.SIGNS), pack_signs(self.config, network.classes))
        stride = memories(self.config)[Space.WEIGHTS].stride
        placed = zip(
            layers, network.placements(self.config), network.initial_weights(), strict=True
        )
        for layer, place, weights in placed:
            packed = pack_weights(weights, place)
            words = np.zeros((len(packed), stride), np.uint16)
            words[:, : self.config.lanes] = packed & 0xFFFF
            await self.write(address(Space.WEIGHTS, layer.weight_base * stride), words.reshape(-1))
            self._weights_end = layer.weight_base * stride + words.size

    async def run(
        self,
        frames: Inputs,
        label: int,
        *,
        learn: bool,
        learn_from: int = 0,
        limit: int = 4096,
    ) -> Result:
        """One sample on both; the results must agree. `limit` cuts it into payloads."""
        result = None
        how = {"learn": learn, "learn_from": learn_from, "input_bits": self.config.input_bits}
        for payload in split_sample(frames, label, limit=limit, **how):
            result = await self.run_payload(payload)
        assert result is not None
        return result

    async def run_payload(self, payload: bytes) -> Result:
        """One SAMPLE payload on both."""
        expected = self.golden.sample(payload)
        last = len(payload) - 1
        self._sample.send(*({"data": b, "last": int(i == last)} for i, b in enumerate(payload)))
        packet = await self._result.receive_packet()
        result = Result.from_words([word["data"] for word in packet], self.config.layers)
        for field in ("status", "prediction", "spikes", "scores"):
            got, wanted = getattr(result, field), getattr(expected, field)
            assert got == wanted, f"{field}: core {got}, model {wanted}"
        assert int(self._layer_count.value) == self.golden.layer_count
        return result

    async def run_alone(self, payload: bytes) -> int:
        """One SAMPLE payload on the core, and not on the model; its status."""
        last = len(payload) - 1
        self._sample.send(*({"data": b, "last": int(i == last)} for i, b in enumerate(payload)))
        return int((await self._result.receive_packet())[0]["data"])

    async def compare(self, *, whole: bool = True) -> dict[str, int]:
        """Every memory and register, bit for bit; the registers.

        To read memories takes a good part of a test. Without `whole`, signs, which the core does not write,
        and weights behind the network's are left for a later comparison: what lies there stays.
        """
        for space in COMPARED:
            if space not in memories(self.config) or (space == Space.SIGNS and not whole):
                continue
            size = memories(self.config)[space].size
            if space == Space.WEIGHTS and not whole:
                size = self._weights_end
            wanted = self.golden.read(address(space), size)
            got = await self.read(address(space), size)
            if space == Space.TRACES:  # what lies behind the lists is left over
                used = 2 * sum(len(entries.rows) for entries in self.golden.lists)
                got, wanted = got[:used], wanted[:used]
            wrong = np.flatnonzero(got != wanted)
            assert not len(wrong), (
                f"{space.name}: {len(wrong)} words differ, the first at {wrong[0]}: "
                f"core {got[wrong[0]]:#06x}, model {wanted[wrong[0]]:#06x}"
            )
        return await self._compare_registers()

    async def _compare_registers(self) -> dict[str, int]:
        words = [int(word) for word in await self.read(0, registers.REGISTER_WORDS)]
        values = {}
        for register in REGISTERS:
            parts, words = words[: register.words], words[register.words :]
            value = sum(part << (16 * at) for at, part in enumerate(parts))
            values[register.name] = value
            if register.name not in TIMED:
                assert value == self.golden.registers[register.name], register.name
        assert values["cycles"] == sum(values[cause] for cause in CYCLE_CAUSES), values
        return values
