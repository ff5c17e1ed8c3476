"""What a core takes of an FPGA besides memories: multipliers as the design has them, LUTs as measured."""

from __future__ import annotations

from golden.spec.config import CoreConfig
from golden.spec.memory_map import memory_map

SINGLE_MULTIPLIERS = 6
"""Multipliers that a core has once: those of noise, trace and class errors."""

CLASSIFIER_PRODUCTS = 3
"""Of a lane of a chunk, where there are classifiers: weight x count, weight x signal, move x count."""

SINGLE_PRODUCTS = 2
"""Of a core with classifiers: error x classifier_rate, logit x vote_gain."""


def multipliers(config: CoreConfig) -> int:
    """18 x 18 multipliers: a lane's update, a chunk's leak and gains, and single ones; at most.

    A small core makes its gains of logic, and, without maps, weights times values of inputs. A core that only
    infers has those of the leak, and of such values.
    """
    in_logic = config.small and not config.map_pixels
    values = config.lanes if config.graded and not in_logic else 0
    if not config.learning:
        return config.chunk_lanes + values
    maps = config.map_pixels > 0
    products = 0
    if config.classifier_groups:
        products = CLASSIFIER_PRODUCTS * config.chunk_lanes + SINGLE_PRODUCTS
    shared = config.chunk_lanes * (1 if config.small else 2) + SINGLE_MULTIPLIERS + maps
    return config.lanes + shared + products + values + config.graded


LUTS, LUTS_A_LANE = 15_480, 268
"""What logic takes apart from memories: the line through two bitstreams of the README, 12F and 85F."""

LUTS_OF_MAPS = 9_600
"""What the bitstream of `ulx3s-85f-maps` has more than this line."""

LUTS_SINCE, LUTS_SINCE_OF_MAPS = 1_270, 315
"""What cores have more since those bitstreams: gate, checker of layer tables, refusals of the link.

By synthesis of cores with 4 lanes, then and now: 15,164 and 16,466; with maps, 20,169 and 21,787.
"""

LUTS_OF_CLASSIFIERS = 2_510
"""Of classifiers that learn and vote. By synthesis, 4 lanes: 24,329 with them, 21,787 without."""

LUTS_OF_VALUES, LUTS_OF_VALUES_OF_MAPS, LUTS_A_VALUE = 190, 370, 11
"""Of inputs that carry values: to decode them, and for a product in each lane that a multiplier makes. By
synthesis with 4 bits: 588 with 4 lanes, 1,792 with 16; with maps and 4 lanes 412."""

USUAL_WEIGHT_BITS, LUTS_A_WEIGHT_BIT = 9, 9.8
"""Bits of a weight in all of the above, and what each more or less changes in a lane. By synthesis of the 16
lanes of `ulx3s-85f-classifiers`: 2,762 with 9 bits, 3,862 with 16."""

BITS_PER_LUT = 64 // 4
"""Bits of a memory made of logic that one look-up table holds, with what writes it."""


def lut_estimate(config: CoreConfig) -> int:
    """Look-up tables, about: logic, and memories that are made of logic."""
    bits = sum(ram.bits for ram in memory_map(config) if not ram.block)
    luts = LUTS + LUTS_SINCE + LUTS_A_LANE * config.lanes + bits // BITS_PER_LUT
    luts += round(LUTS_A_WEIGHT_BIT * config.lanes * (config.weight_bits - USUAL_WEIGHT_BITS))
    if config.map_pixels:
        luts += LUTS_OF_MAPS + LUTS_SINCE_OF_MAPS
    if config.classifier_groups:
        luts += LUTS_OF_CLASSIFIERS
    if config.graded:
        luts += LUTS_OF_VALUES_OF_MAPS if config.map_pixels else LUTS_OF_VALUES
        luts += config.lanes * _luts_of_a_product(config)
    return luts


def _luts_of_a_product(config: CoreConfig) -> int:
    """Of a weight and the value of an input, in one lane: 100 in logic for 4 bits, 376 for 8."""
    if config.small and not config.map_pixels:
        return max(LUTS_A_VALUE, 69 * config.input_bits - 176)
    return LUTS_A_VALUE
