"""A device with a second one beside it, compared after every sample."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.registers import Space
from golden.spec.samples import Result
from sw.device import Channel, Device, DeviceError, SampleLike, Weights
from sw.link import DEFAULT_BAUD, LinkError, SimulatedTransport, open_transport
from sw.run import write_atomically
from sw.run.tensors import plain_names
from sw.shadow.difference import Difference, results_differ, weights_differ
from sw.shadow.rerun import State, dump, first_difference

USUAL_EVERY = 100


class Differs(DeviceError):
    """The device and its twin do not agree. One line: where, and what was saved."""


class Shadowed(Device):
    """A device with a `twin`. Used like any other; raises Differs at the first difference."""

    def __init__(
        self,
        channel: Channel,
        expected: CoreConfig | None = None,
        *,
        twin: str = "golden",
        every: int = USUAL_EVERY,
        folder: Path = Path("difference"),
    ) -> None:
        """`every`: samples between two looks at all weights. `folder`: where a difference goes."""
        super().__init__(channel, expected)
        if every < 1:
            raise ValueError(f"shadow every {every} samples: 1 or more are needed")
        self.twin = Device.open(twin, config=self.config)
        self.every, self.folder = every, folder
        self._since: list[tuple[SampleLike, bool]] = []
        self._equal: State | None = None
        self._count = 0

    @classmethod
    def beside(
        cls,
        target: str,
        config: CoreConfig | None,
        *,
        baud: int = DEFAULT_BAUD,
        twin: str = "golden",
        every: int = USUAL_EVERY,
        folder: Path = Path("difference"),
    ) -> Self:
        """Open `target` with a twin. Raises LinkError, DeviceError, ValueError."""
        transport = open_transport(target, config=config, baud=baud)
        try:
            return cls(Channel(transport), config, twin=twin, every=every, folder=folder)
        except BaseException:
            transport.close()
            raise

    def restart(self) -> None:
        """Give up what is under way on both. Raises LinkError."""
        super().restart()
        self.twin.restart()
        self._forget()

    def close(self) -> None:
        """Let go of both."""
        self.twin.close()
        super().close()

    def _hold(self, network: Network) -> None:
        """Both hold it, or are about to."""
        super()._hold(network)
        self.twin._hold(network)

    def write(self, space: Space, index: int, words: NDArray[np.integer]) -> None:
        """Write to both. The state that was known to be equal is then no longer of use."""
        super().write(space, index, words)
        self.twin.write(space, index, words)
        self._forget()

    def read_weights(self) -> Weights:
        """The weights, compared. Raises Differs."""
        self._check(force=True)
        return super().read_weights()

    def run(self, samples: Iterable[SampleLike], *, learn: bool) -> Iterator[Result]:
        """Run samples on both, one by one. Raises Differs."""
        for sample in samples:
            if self._equal is None:
                self._equal = State.of(self.twin)
            self._since.append((sample, learn))
            self._count += 1
            one, two = (next(Device.run(d, [sample], learn=learn)) for d in (self, self.twin))
            if found := results_differ(one, two, len(self.layers) - 1):
                raise self._explain(str(found))
            self._check()
            yield one

    def _forget(self) -> None:
        self._since, self._equal = [], None

    def _check(self, *, force: bool = False) -> None:
        """Compare the noise state, and the weights when it is their turn."""
        if not self._since and not force:
            return
        one, two = self.noise_state, self.twin.noise_state
        if one != two:
            raise self._explain(f"noise state: {one:#010x}, not {two:#010x}")
        if force or len(self._since) >= self.every:
            mine, other = (Device.read_weights(d) for d in (self, self.twin))
            if found := weights_differ(mine, other):
                raise self._explain(str(found))
            self._forget()

    def _explain(self, seen: str) -> Differs:
        """Find the first difference, save it, and say all that is known."""
        since, equal, count = self._since, self._equal, self._count
        left = weights_differ(Device.read_weights(self), Device.read_weights(self.twin))
        text = (
            f"shadow: {self.channel.transport.name} differs from {self.twin.channel.transport.name}"
        )
        lines = [f"{text} after {count} samples: {seen}"]
        if left is not None and str(left) != seen:
            lines.append(f"furthest off: {left}")
        if equal is None:
            lines.append(
                "before any sample since the last write: it does not hold what was written"
            )
        else:
            lines += self._rerun(since, equal, count - len(since))
        report = "\n".join(lines)
        write_atomically(self.folder / "report.txt", (report + "\n").encode())
        return Differs(f"{'; '.join(lines)}; saved in {self.folder}")

    def _rerun(self, since: list[tuple[SampleLike, bool]], equal: State, before: int) -> list[str]:
        """Run the samples since the last equal state again; returns lines for the report."""
        sample, learn = since[-1]
        state, found, number = equal, None, len(since)
        equal.restore(self)
        for at, (sample, learn) in enumerate(since, start=1):
            number, state = at, State.of(self.twin)
            if not self._agree(sample, learn):
                state.restore(self)
                found = first_difference(self, self.twin, sample, learn=learn)
                break
        name = getattr(sample, "key", "") or "unnamed"
        which = f"sample {before + number} ({name})"
        lines = [self._verdict(which, found, len(since))]
        self._save(sample, learn, state)
        if isinstance(self.channel.transport, SimulatedTransport):
            lines.append(self._waveform(sample, learn, state, found))
        return lines

    def _agree(self, sample: SampleLike, learn: bool) -> bool:
        """Run a sample on both; whether all is equal after it."""
        both = (self, self.twin)
        one, two = (next(Device.run(d, [sample], learn=learn)) for d in both)
        mine, other = (Device.read_weights(d) for d in both)
        same = self.noise_state == self.twin.noise_state
        alike = results_differ(one, two, len(self.layers) - 1) is None
        return same and alike and weights_differ(mine, other) is None

    @staticmethod
    def _verdict(which: str, found: Difference | None, samples: int) -> str:
        if found is not None:
            return f"run again, first difference in {which}: {found}"
        return (
            f"run again from the last equal state, {samples} samples: no difference, so the fault "
            f"does not come again (a bit that flipped, or a write from elsewhere) before {which}"
        )

    def _save(self, sample: SampleLike, learn: bool, state: State) -> None:
        """sample.npz: the sample and the state it starts from."""
        arrays: dict[str, Any] = plain_names(state.weights)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            frames=sample.frames,
            label=sample.label,
            learn=learn,
            noise_state=state.noise_state,
            table=state.table,
            **arrays,
        )
        write_atomically(self.folder / "sample.npz", buffer.getvalue())

    def _waveform(
        self, sample: SampleLike, learn: bool, state: State, found: Difference | None
    ) -> str:
        """sample.vcd: every signal of a fresh simulated board while it runs the sample."""
        path = self.folder / "sample.vcd"
        try:
            times = dump(self, state, sample, learn=learn, path=path)
        except LinkError as error:
            return f"no waveform ({error})"
        step = found.step if found is not None and found.step is not None else 0
        return f"waveform {path}, step {step} from time {times[step]} to {times[step + 1]}"
