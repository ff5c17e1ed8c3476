"""Memories and registers of the integer core, and the host's way to them.

Addresses are those of `golden.spec.registers`. Twin of hw/core/host/readback.py.
"""

import numpy as np
from numpy.typing import NDArray

from golden.host.gate import Gate
from golden.rows.trace import ActiveList
from golden.spec import registers
from golden.spec.config import CoreConfig
from golden.spec.layers import FIELD_NAMES, FIELDS, Layer
from golden.spec.registers import SPACE_SHIFT, Space


class BadAddress(ValueError):
    """An access outside the address map, or a write where only reading is possible."""


class CoreMemory:
    """State of a core: what `read` and `write` reach, as arrays."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes, groups = config.lanes, config.neuron_groups
        class_slots = config.class_slots
        self.table = np.zeros((config.layers, len(FIELDS)), np.uint16)
        self.signs = np.zeros((config.latent_groups * class_slots, config.chunks), np.uint16)
        self.weights = np.zeros((config.weight_words, lanes), np.int32)
        self.membranes = np.zeros((groups, lanes), np.int32)
        self.surrogates = np.zeros((groups, lanes), np.int32)
        self.spikes = np.zeros((groups, lanes), np.int32)
        self.post_traces = np.zeros((groups, lanes), np.int32)
        self.gains = np.zeros((groups, lanes), np.int32)
        self.post_gains = np.zeros((groups, lanes), np.int32)
        self.classifiers = np.zeros((config.classifier_groups * class_slots, lanes), np.int32)
        self.lists: list[ActiveList] = []
        self.gate = Gate(config)
        self.registers = {register.name: 0 for register in registers.REGISTERS}
        self.registers |= config.as_dict() | {
            "magic": registers.MAGIC,
            "version": registers.VERSION,
            "fingerprint": registers.fingerprint(config),
        }

    @property
    def layer_count(self) -> int:
        """Layers in use, at least one."""
        return min(max(self.registers["layer_count"], 1), self.config.layers)

    @property
    def class_count(self) -> int:
        """Classes in use."""
        return min(max(self.registers["class_count"], 1), self.config.classes)

    @property
    def noise_state(self) -> int:
        """Position in the random sequence."""
        return self.registers["noise_state"]

    @noise_state.setter
    def noise_state(self, value: int) -> None:
        self.registers["noise_state"] = value

    def count(self, name: str, amount: int) -> None:
        """Advance a counter."""
        self.registers[name] += int(amount)

    def layer(self, index: int) -> Layer:
        """Entry `index` of the layer table."""
        fields = dict(zip(FIELD_NAMES, self.table[index].tolist(), strict=True))
        return Layer(**fields | ({} if self.config.post_traces else {"post_gain": 0}))

    def group_weights(self, layer: Layer, number: int) -> NDArray[np.int32]:
        """View of the weights [rows, lanes] of a layer's group of that number."""
        base = layer.weight_base + number * layer.rows
        return self.weights[base : base + layer.rows]

    def neuron_lanes(self, layer: Layer, number: int) -> NDArray[np.int64]:
        """1 for every lane of the group that is a neuron of the layer."""
        lanes = number * self.config.lanes + np.arange(self.config.lanes)
        return (lanes < layer.outputs).astype(np.int64)

    def class_signs(self, layer: Layer) -> NDArray[np.int64]:
        """B as +-1 [classes in use, latents]: of a map, cells x channels, else the layer's neurons."""
        slots = self.config.class_slots
        lanes = registers.unpack_lanes(self.signs, self.config).reshape(
            -1, slots, self.config.lanes
        )
        used = lanes[: layer.latent_groups, : self.class_count]
        return (2 * used - 1).transpose(1, 0, 2).reshape(self.class_count, -1)

    def classifier_weights(self, layer: Layer) -> NDArray[np.int64]:
        """B of a layer's classifier, [classes in use, latents]."""
        words = self._classifier(layer)[:, : self.class_count].astype(np.int64)
        return words.transpose(1, 0, 2).reshape(self.class_count, -1)

    def keep_classifier(self, layer: Layer, weights: NDArray[np.int64]) -> None:
        """Replace B of a layer's classifier by `weights`, [classes, latents]."""
        classes = len(weights)
        grouped = weights.reshape(classes, layer.latent_groups, -1).transpose(1, 0, 2)
        self._classifier(layer)[:, :classes] = grouped

    def _classifier(self, layer: Layer) -> NDArray[np.int32]:
        """View of a layer's classifier, [groups of latents, class slots, lanes]."""
        slots = self.config.class_slots
        words = self.classifiers.reshape(-1, slots, self.config.lanes)
        return words[layer.classifier_base : layer.classifier_base + layer.latent_groups]

    def read(self, address: int, count: int) -> NDArray[np.uint16]:
        """`count` 16-bit words from `address` on. Raises BadAddress."""
        space, index = address >> SPACE_SHIFT, address & ((1 << SPACE_SHIFT) - 1)
        words = self._image(space)
        if index + count > len(words):
            raise BadAddress(
                f"{count} words at {address:#010x} reach past the end of space {space}"
            )
        return words[index : index + count]

    def write(self, address: int, words: NDArray[np.uint16]) -> None:
        """Store 16-bit words from `address` on. Raises BadAddress, having stored those that can be."""
        space, index = address >> SPACE_SHIFT, address & ((1 << SPACE_SHIFT) - 1)
        if space == Space.REGISTERS:
            self._write_registers(index, words.tolist())
            return
        memory = registers.memories(self.config).get(space)  # type: ignore[call-overload]
        if memory is None or memory.access != "rw" or space == Space.RESULTS:
            raise BadAddress(f"space {space} cannot be written")
        fits = words[: max(memory.size - index, 0)]
        array = self._array(space)
        word, element = np.divmod(np.arange(index, index + len(fits)), memory.stride)
        real = element < memory.elements
        if space == Space.SIGNS:  # words of classes that the core has not are not kept
            real &= word % self.config.class_slots < self.config.classes
        values = fits.astype(np.int32) & ((1 << memory.bits) - 1)
        if memory.signed:
            values = (values ^ (1 << (memory.bits - 1))) - (1 << (memory.bits - 1))
        if space != Space.SIGNS or self.config.learning:  # else there is no memory of signs
            array[word[real], element[real]] = values[real]
        if space == Space.LAYERS and real.any():
            self.gate.table_written()
        if len(fits) < len(words):
            raise BadAddress(f"{len(words)} words at {address:#010x} reach past the end")

    def _array(self, space: int) -> NDArray[np.integer]:
        arrays: dict[Space, NDArray[np.integer]] = {
            Space.LAYERS: self.table,
            Space.SIGNS: self.signs,
            Space.WEIGHTS: self.weights,
            Space.MEMBRANES: self.membranes,
            Space.POST_TRACES: self.post_traces,
            Space.CLASSIFIERS: self.classifiers,
        }
        return arrays[Space(space)]

    def _image(self, space: int) -> NDArray[np.uint16]:
        """Everything in a space, as the words the host reads."""
        if space == Space.REGISTERS:
            return self._register_words()
        if space == Space.TRACES:
            return self._trace_words()
        if space == Space.TRACE_COUNTS:
            return np.array([len(entries.rows) for entries in self.lists], np.uint16)
        if space not in registers.memories(self.config) or space == Space.RESULTS:
            raise BadAddress(f"no space {space} in the core")
        memory = registers.memories(self.config)[Space(space)]
        if space == Space.SPIKES:
            array: NDArray[np.integer] = registers.pack_lanes(self.spikes, self.config)
        else:
            array = self._array(space)
        image = np.zeros((memory.depth, memory.stride), np.uint16)
        image[:, : memory.elements] = array & 0xFFFF
        return image.reshape(-1)

    def _trace_words(self) -> NDArray[np.uint16]:
        words = np.zeros((self.config.list_depth, 2), np.uint16)
        bits = self.config.trace_bits
        at = 0
        for entries in self.lists:
            end = at + len(entries.rows)
            words[at:end, 0] = entries.rows
            trace = entries.trace & ((1 << bits) - 1)
            words[at:end, 1] = trace + (1 << bits) * entries.previous_spikes
            at = end
        return words.reshape(-1)

    def _register_words(self) -> NDArray[np.uint16]:
        words = []
        for register in registers.REGISTERS:
            value = self.registers[register.name]
            words += [(value >> (16 * part)) & 0xFFFF for part in range(register.words)]
        return np.array(words, np.uint16)

    def _write_registers(self, index: int, words: list[int]) -> None:
        refused: list[BadAddress] = []
        for at, word in enumerate(words, index):
            try:
                self._write_register(at, word)
            except BadAddress as error:
                refused.append(error)
        if refused:
            raise refused[0]

    def _write_register(self, index: int, word: int) -> None:
        at = 0
        for register in registers.REGISTERS:
            if at <= index < at + register.words:
                if register.access != "rw":
                    raise BadAddress(f"register {register.name} cannot be written")
                if register.name == "clear_counters":
                    self.registers |= {counter.name: 0 for counter in registers.COUNTERS}
                    return
                shift = 16 * (index - at)
                kept = self.registers[register.name] & ~(0xFFFF << shift)
                self.registers[register.name] = kept | (word << shift)
                if register.name in ("layer_count", "class_count"):
                    self.gate.table_written()
                return
            at += register.words
        raise BadAddress(f"no register at {index}")
