"""Joules that a processor or a GPU takes while something runs: as counted there, else by its rated power."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
"""Where Linux has the energy counters of processors, a folder for each package."""
NVIDIA = ("nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits", "--id=0")


@dataclass
class Spent:
    """What a stretch of work took."""

    seconds: float = 0.0
    joules: float | None = None
    """None: neither read nor rated."""


Meter = Callable[[], Callable[[float], float | None]]
"""Called where the work begins; what it returns is called with the seconds of the work, at its end."""


@contextmanager
def metered(meter: Meter) -> Iterator[Spent]:
    """Time and energy of the body of a `with`."""
    spent, read, started = Spent(), meter(), time.perf_counter()
    yield spent
    spent.seconds = time.perf_counter() - started
    spent.joules = read(spent.seconds)


def processor(watts: float | None) -> tuple[Meter, str]:
    """All packages of this computer, whatever else runs on them; and how the joules are known."""
    if watts is not None:
        return lambda: lambda seconds: watts * seconds, f"{watts:g} W as rated"
    if _packages() is None:
        return lambda: lambda _: None, "no counter can be read here; --watts gives the rated power"
    return _counted, "counters of the processor (RAPL)"


def _packages() -> dict[Path, int] | None:
    """Microjoules of each package, or None: there is no counter, or only root may read it."""
    try:
        found = {
            folder: int((folder / "energy_uj").read_text())
            for folder in sorted(POWERCAP.glob("intel-rapl:*"))
            if folder.name.count(":") == 1  # a package, not a part of one
        }
    except OSError:
        return None
    return found or None


def _counted() -> Callable[[float], float | None]:
    before = _packages()

    def read(_: float) -> float | None:
        after = _packages()
        if before is None or after is None:
            return None
        return sum(_difference(folder, before[folder], after[folder]) for folder in before) / 1e6

    return read


def _difference(folder: Path, before: int, after: int) -> int:
    """Microjoules between two readings; the counter starts again at its range."""
    if after >= before:
        return after - before
    return after + int((folder / "max_energy_range_uj").read_text()) - before


def graphics() -> Meter:
    """The first GPU: the power that it tells at the end of the work, times its seconds."""
    return lambda: lambda seconds: seconds * _drawn()


def _drawn() -> float:
    return float(subprocess.run(NVIDIA, check=True, capture_output=True, text=True).stdout)
