"""What a core has to have so that it holds a network whole."""

from collections.abc import Sequence
from dataclasses import replace

from golden.spec.config import CoreConfig
from golden.spec.layout import DoesNotFit, Placement, classifier_groups
from golden.spec.network import Network

WORDS = 256
"""Words of weights are rounded up to a multiple of this."""


def needs(
    layers: Sequence[Placement], lanes: int, classes: int, *, learned: bool, input_bits: int
) -> dict[str, int]:
    """Fields of a core that follow from layers placed on so many lanes; `learned`: maps have classifiers."""
    pixels = [placement.positions for placement in layers if placement.kind.mapped]
    groups = sum(placement.state_groups for placement in layers)
    words = sum(placement.words for placement in layers)
    return {
        "lanes": lanes,
        "weight_words": -(-words // WORDS) * WORDS,
        "neuron_groups": max(groups, 2),
        "trace_entries": max(sum(placement.traces for placement in layers), 4),
        "layers": max(len(layers), 2),
        "classes": max(classes, 2),
        "map_pixels": max(pixels, default=0),
        "classifier_groups": classifier_groups(list(layers)) if learned else 0,
        "input_bits": input_bits,
    }


def with_room(network: Network, core: CoreConfig) -> CoreConfig:
    """A core that holds the network whole and else is like `core`; no FPGA need have room for it.

    Raises DoesNotFit where no address reaches so much.
    """
    wanted = needs(
        network.placements(core),
        core.lanes,
        network.classes,
        learned=network.classifiers == "learned",
        input_bits=network.input_bits,
    )
    larger = {name: max(value, getattr(core, name)) for name, value in wanted.items()}
    try:
        return replace(core, **larger | {"lanes": core.lanes, "list_rows": 0})
    except ValueError as error:
        raise DoesNotFit(f"network {network.name}: no core holds it whole: {error}") from None
