"""What a bad line does to the bytes on it."""

import random
from dataclasses import dataclass


@dataclass
class Faults:
    """Chances per chunk, each way."""

    flip: float = 0.0
    drop: float = 0.0
    cut: float = 0.0
    twice: float = 0.0
    junk: float = 0.0
    done: int = 0
    """Faults so far."""

    def apply(self, data: bytes, rng: random.Random) -> bytes:
        """A chunk as it comes out at the other end."""
        if not data:
            return data
        if rng.random() < self.drop:
            self.done += 1
            return b""
        if rng.random() < self.cut:
            self.done += 1
            start = rng.randrange(len(data))
            data = data[:start] + data[start + rng.randrange(1, 40) :]
        if rng.random() < self.twice:
            self.done += 1
            data += data
        if rng.random() < self.junk:
            self.done += 1
            data = rng.randbytes(rng.randrange(1, 9)) + data
        if rng.random() < self.flip:
            self.done += 1
            broken = bytearray(data)
            for _ in range(rng.randrange(1, 3)):
                if broken:
                    broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
            data = bytes(broken)
        return data
