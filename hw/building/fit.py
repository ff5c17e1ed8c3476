"""Whether the memories of a configuration fit a board: told before an hour of place and route."""

from boards.board import Board
from golden.spec.config import CoreConfig
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


def _advice(config: CoreConfig, available: int) -> str:
    """The longest weight memory that fits beside the rest."""
    words = config.weight_words
    while words >= 4:
        smaller = CoreConfig(**{**config.as_dict(), "weight_words": words})
        if sum(block_rams_by_kind(smaller).values()) <= available:
            return f"--weight-words {words} would fit"
        words = (words - 1) // 256 * 256
    return "fewer --lanes, a shorter --trace-entries, --frame-bytes or --store-bytes, or a larger board"
