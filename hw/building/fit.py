"""Whether a configuration fits a board: told in a second, before an hour of place and route."""

from dataclasses import replace

from boards.board import Board
from golden.spec.config import CoreConfig
from golden.spec.logic import lut_estimate, multipliers
from golden.spec.memory_map import block_rams_by_kind
from hw.building.toolchain import BuildError


def check_memories(board: Board, config: CoreConfig) -> None:
    """Raises BuildError, with what would fit, when the memories are too much."""
    needed = {kind: count for kind, count in block_rams_by_kind(config).items() if count}
    total, available = sum(needed.values()), board.target.fpga.block_rams
    if total <= available:
        return
    each = ", ".join(f"{kind} {count}" for kind, count in needed.items())
    raise BuildError(
        f"{board.label} has {available} block RAMs and the memories take {total} ({each}): "
        f"{total - available} too many; {_advice(config, available)}"
    )


def check_logic(board: Board, config: CoreConfig) -> None:
    """Raises BuildError, with the lanes that would fit, when its lanes are too much for the FPGA."""
    if not (lacking := _lacking(board, config)):
        return
    halves = (config.lanes >> halvings for halvings in range(1, config.lanes.bit_length()))
    possible = (lanes for lanes in halves if lanes >= 4 and lanes % 4 == 0)
    fits = (n for n in possible if not _lacking(board, replace(config, lanes=n)))
    lanes = next(fits, None)
    advice = f"--lanes {lanes} would fit" if lanes else "use a larger board"
    raise BuildError(
        f"{board.label} has {lacking}; {advice}; for a network: python -m sw.driver plan NETWORK --board "
        f"{board.target.board} --size {board.target.size}"
    )


def _lacking(board: Board, config: CoreConfig) -> str:
    fpga, luts, products = board.target.fpga, lut_estimate(config), multipliers(config)
    if luts > fpga.luts:
        return f"{fpga.luts:,} LUTs and a core with {config.lanes} lanes takes about {luts:,}"
    if products > fpga.multipliers:
        return f"{fpga.multipliers} multipliers and {config.lanes} lanes take {products}"
    return ""


def _advice(config: CoreConfig, available: int) -> str:
    """The longest weight memory that fits beside the rest."""
    words = config.weight_words
    while words >= 4:
        smaller = CoreConfig(**{**config.as_dict(), "weight_words": words})
        if sum(block_rams_by_kind(smaller).values()) <= available:
            return f"--weight-words {words} would fit"
        words = (words - 1) // 256 * 256
    return "fewer --lanes, a shorter --trace-entries, --frame-bytes or --store-bytes, or a larger board"
