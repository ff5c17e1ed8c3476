"""Block RAMs: the shapes they come in, what a memory takes of them, how weights are laid into them."""

BLOCK_RAM_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""Widths and depths of a block RAM of 18 kbit."""

BYTE_LANE = 9
"""Bits that a block RAM can write without the others of a word."""


def block_rams(width: int, depth: int) -> int:
    """Block RAMs of a memory of `depth` words, `width` bits each.

    As Yosys lays it out: columns of one shape, and of a narrower one for the bits that are left; the
    shapes of 9 bits and more on one side, the others on the other.
    """
    return min(_columns(width, depth, *shape) for shape in BLOCK_RAM_SHAPES)


def _columns(width: int, depth: int, column: int, words: int) -> int:
    """With columns of one shape, and the rest in the narrowest that takes it."""
    whole, rest = divmod(width, column)
    narrower = [
        -(-depth // d)
        for w, d in BLOCK_RAM_SHAPES
        if rest <= w <= column and (w >= BYTE_LANE) == (column >= BYTE_LANE)
    ]
    return whole * -(-depth // words) + (min(narrower) if rest else 0)


SHALLOW = 64
"""Most words of a state memory that is better made of logic."""

LANE_SHAPES = tuple(shape for shape in BLOCK_RAM_SHAPES if shape[0] >= BYTE_LANE)
"""Shapes of a block RAM in which whole lanes can be written."""


def lanes_per_block(depth: int, weight_bits: int) -> int:
    """Lanes that share one block RAM in a bank of `depth` words."""
    width = next((w for w, d in LANE_SHAPES if d >= depth), BYTE_LANE)
    return max(1, width // weight_bits)


def bank_depths(words: int, weight_bits: int) -> list[int]:
    """Depths of the banks of a weight memory: as deep as a block RAM is for one lane, the rest in another."""
    deepest = max(depth for width, depth in LANE_SHAPES if width >= weight_bits)
    depths = [deepest] * (words // deepest)
    return depths + ([words % deepest] if words % deepest else [])
