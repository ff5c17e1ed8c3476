"""Maps of neurons: channels of height x width pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Map:
    """Channels of height x width neurons; a flat layer is a 1 x 1 map."""

    channels: int
    height: int = 1
    width: int = 1

    def __post_init__(self) -> None:
        if min(self.channels, self.height, self.width) < 1:
            raise ValueError(f"map {self}: channels, height and width are 1 or more")

    @property
    def positions(self) -> int:
        """Pixels of a channel."""
        return self.height * self.width

    @property
    def neurons(self) -> int:
        """Neurons of all channels."""
        return self.channels * self.positions

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"
