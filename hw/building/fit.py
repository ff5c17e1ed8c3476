"""Whether the memories of a configuration fit a board: told before an hour of place and route."""

from boards.board import Board
from golden.spec.config import CoreConfig
from golden.spec.formats import TRACE_BITS
from hw.building.toolchain import BuildError
from hw.core.weights import bank_depths, lanes_per_block

SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""Widths and depths of a block RAM of 18 kbit."""


def blocks(width: int, depth: int) -> int:
    """Block RAMs of a memory of `depth` words, `width` bits each."""
    return min(-(-width // w) * -(-depth // d) for w, d in SHAPES)


def weight_blocks(config: CoreConfig) -> int:
    """Block RAMs of the weight memory."""
    banks = bank_depths(config.weight_words, config.weight_bits)
    return sum(-(-config.lanes // lanes_per_block(d, config.weight_bits)) for d in banks)


def large_memories(config: CoreConfig) -> dict[str, int]:
    """Block RAMs of the memories that cannot be anything else. The core needs a few more."""
    return {
        "weight memory": weight_blocks(config),
        "pre traces": blocks(config.row_bits + TRACE_BITS + 1, config.trace_entries),
        "receive buffer": blocks(8, config.frame_bytes),
        "store of samples": blocks(16, config.store_bytes // 2),
    }


def check_memories(board: Board, config: CoreConfig) -> None:
    """Raises BuildError, with what would fit, when the large memories alone are too much."""
    needed = large_memories(config)
    total, available = sum(needed.values()), board.block_rams
    if total <= available:
        return
    each = ", ".join(f"{name} {count}" for name, count in needed.items())
    raise BuildError(
        f"{board.label} has {available} block RAMs and the memories take {total} ({each}): "
        f"{total - available} too many; {_advice(board, config, total - needed['weight memory'])}"
    )


def _advice(board: Board, config: CoreConfig, others: int) -> str:
    """The longest weight memory that fits beside the rest."""
    words = config.weight_words
    while words >= 4:
        smaller = CoreConfig(**{**config.as_dict(), "weight_words": words})
        if weight_blocks(smaller) + others <= board.block_rams:
            return f"--weight-words {words} would fit"
        words = (words - 1) // 256 * 256
    return "fewer --lanes, a shorter --trace-entries, --frame-bytes or --store-bytes, or a larger board"
