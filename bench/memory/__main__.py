"""python -m bench.memory: words a clock of the memory's bus, by the length of bursts.

The controller is compiled with the model of the chip, so a command that breaks a rule ends it. Cycles count
from the first burst that is taken to the last word, refreshes included.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from bench.memory.peer import LiteDram, cells
from golden.spec.sdram import SdramConfig
from sim.memory.traffic import BURST, Traffic

LENGTHS = (1, 8, 16, 32, 64, 128, 256, 512)
KINDS = ("read", "write", "mixed")
ORDERS = {
    "in order": "one behind the other",
    "random": "at random addresses",
    "one bank": "each in another row of the same bank: nothing can be hidden",
}
WORDS = 200_000


def bursts_of(
    rng: np.random.Generator, config: SdramConfig, length: int, kind: str, order: str
) -> NDArray[np.void]:
    """Bursts of one length, WORDS words of them or 20,000 bursts."""
    chip = config.chip
    bursts = np.zeros(min(WORDS // length, 20_000), BURST)
    numbers = np.arange(len(bursts))
    bursts["words"] = length
    bursts["write"] = {"read": 0, "write": 1}.get(kind, rng.integers(0, 2, len(bursts)))
    if order == "in order":
        bursts["address"] = numbers * length % chip.words
    elif order == "random":
        bursts["address"] = rng.integers(0, chip.words, len(bursts))
    else:
        bursts["address"] = numbers * chip.columns * chip.banks % chip.words
    return bursts


def ours(config: SdramConfig, bursts: NDArray[np.void], rng: np.random.Generator) -> int:
    """Cycles of our controller, once it has started."""
    traffic = Traffic(config)
    traffic.idle(30_000)
    words = int(bursts["words"][bursts["write"] == 1].sum())
    return traffic.play(bursts, rng.integers(0, 1 << 16, words).astype(np.uint16))[1]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--mhz", type=float, default=100.0, help="clock (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of addresses and words (%(default)s)")
    parser.add_argument("--litedram", metavar="PYTHON", help="a Python with litedram: compare")
    options = parser.parse_args()
    config = SdramConfig(mhz=options.mhz)
    peak = config.mhz * config.chip.data_bits / 8
    print(
        f"{config.mhz:g} MHz, CAS latency {config.timing.cas}, peak {peak:g} MB/s, seed {options.seed}"
    )
    other = LiteDram(options.litedram, options.mhz) if options.litedram else None
    print("\n| bursts | " + " | ".join(f"{n} words" for n in LENGTHS) + " |")
    print("|---" * (len(LENGTHS) + 1) + "|")
    for order in ORDERS:
        for kind in KINDS:
            rows: dict[str, list[str]] = {f"{kind}, {order}": [], f"LiteDRAM: {kind}, {order}": []}
            mine, theirs = rows.values()
            for length in LENGTHS:
                rng = np.random.default_rng([options.seed, length])
                bursts = bursts_of(rng, config, length, kind, order)
                total = int(bursts["words"].sum())
                mine.append(f"{total / ours(config, bursts, rng):.1%}")
                theirs += [f"{total / other.play(bursts):.1%}"] if other else []
            for name, cells_of in rows.items():
                if cells_of:
                    print(f"| {name} | " + " | ".join(cells_of) + " |")
    print("\n" + "\n".join(f"{name}: {text}." for name, text in ORDERS.items()))
    if other:
        print(f"LiteDRAM, cells: {cells(options.litedram, options.mhz)}")


if __name__ == "__main__":
    main()
