"""What a device remembers of the neurons and inputs of its network, layer by layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.spec.layers import Layer
from golden.spec.registers import Space, memories, unpack_lanes
from sw.device.blocks import Blocks


class LayerState(Blocks):
    """Membranes, traces and spikes of the network that is loaded.

    Neurons of a map are in the order pixel x channels + channel, before pooling.
    """

    layers: list[Layer]
    """The layers of the network that is loaded, the readout last."""

    def membranes(self, layer: int) -> NDArray[np.int32]:
        """Leaked membranes of a layer (for the readout: its logits), int32[neurons]."""
        return self._state(Space.MEMBRANES, layer)

    def post_traces(self, layer: int) -> NDArray[np.int32]:
        """Post traces h of a layer, int32[neurons]."""
        return self._state(Space.POST_TRACES, layer)

    def spikes(self, layer: int) -> NDArray[np.bool_]:
        """Spikes of a layer in the last step, bool[neurons]."""
        at = self.layers[layer]
        memory = memories(self.config)[Space.SPIKES]
        first, count = at.state_base * memory.stride, at.state_groups * memory.stride
        chunks = self.read(Space.SPIKES, first, count).reshape(-1, memory.stride)
        lanes = unpack_lanes(chunks[:, : memory.elements], self.config)
        return self._neurons(lanes, at).astype(np.bool_)

    def traces(self, layer: int) -> NDArray[np.int32]:
        """Pre traces q of a layer's rows, int32[rows]; zero between samples.

        Where pixels share weights: of its inputs, int32[pixels x channels]; behind a convolution, idle
        lanes are among the channels.
        """
        counts = self.read(Space.TRACE_COUNTS, 0, len(self.layers)).astype(np.int64)
        entries = self.read(Space.TRACES, 2 * int(counts[:layer].sum()), 2 * int(counts[layer]))
        at = self.layers[layer]
        values = np.zeros(at.inputs + at.bias if at.kind.shared else at.rows, np.int32)
        sign = 1 << (self.config.trace_bits - 1)
        words = entries[1::2].astype(np.int32) & (2 * sign - 1)
        values[entries[::2]] = (words ^ sign) - sign if self.config.graded else words
        return values

    def _state(self, space: Space, layer: int) -> NDArray[np.int32]:
        at = self.layers[layer]
        return self._neurons(self.memory(space, at.state_base, at.state_groups), at)

    @staticmethod
    def _neurons(lanes: NDArray[np.integer], layer: Layer) -> NDArray[np.int32]:
        """Values [groups of state, lanes] of a layer's neurons, without idle lanes."""
        return lanes.reshape(layer.positions, -1)[:, : layer.outputs].reshape(-1).astype(np.int32)
