"""Boards the design is built for: name and size -> platform, pins, clock generator, preset."""

from boards.board import Board, BoardError
from boards.table import BOARDS, SEEDS, find, names, sizes

__all__ = ["BOARDS", "SEEDS", "Board", "BoardError", "find", "names", "sizes"]
