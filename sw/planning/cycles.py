"""Clock cycles of a training sample, by layer and by what they are spent on: a model, not a count.

A layer with s rows that spike and r rows with a trace takes, in a step, (s + r) x groups cycles, if rows
are read for each purpose on its own: the bound. The core reads a row once for both where it can. A
convolution is one such pass for the 3 x 3 patch of every pixel: 9 (s + r) x groups, less at the
border. A layer behind an average visits every neuron of the map. A sample that learns in its last steps alone
has r rows in these alone. What comes on top is modelled after the sequencer (hw/core) and compared with
counted cycles in tests/test_plan_cycles.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from golden.spec.config import CoreConfig
from golden.spec.layout import Placement
from sw.planning.activity import Activity, Rows
from sw.planning.shape import Shape

LAYER_CYCLES = 9
"""Of the sequencer, from the end of a layer to the first row of the next."""
SAMPLE_CYCLES = 75
"""Of the end of a sample."""
FORM_CYCLES = 38
"""From the last row of a layer to its first class error, chunks and classes apart."""
FIND_CYCLES = 3
"""Of finding what is in a patch: a convolution's pass over fewer rows waits for the next."""
PASS_CYCLES = {True: 2.2, False: 1.5}
"""Of a convolution's pass beside that, when it learns or not: empty patches lie together, and after an update
the next pixel may wait until it may read what was written. Fitted to nmnist-conv, where many patches are
empty, and to cifar10-graded, where none is."""
PIXEL_CYCLES = 4
"""Of each pixel of an average with something to update: the next one has the same rows."""
CLASSES_AT_A_TIME = 4
"""Errors that are projected back side by side."""


@dataclass(frozen=True, kw_only=True)
class LayerCycles:
    """One layer in one sample."""

    name: str
    spikes: float
    """Rows that spike, a step."""
    traces: float
    """Rows with a trace, a step."""
    integrate: float
    """Cycles that visit a row for its spike."""
    update: float
    """Cycles that visit a row for its trace."""
    both: float
    """Cycles saved by visiting a row once for both."""
    fire: float
    """Cycles of passes shorter than the chunks they fire."""
    wait: float
    """Cycles until the learning signal of the step before is there."""
    turnaround: float
    """Starts and ends."""

    @property
    def bound(self) -> float:
        """(s + r) x groups, or 9 times that."""
        return self.integrate + self.update

    @property
    def cycles(self) -> float:
        """All together."""
        rest = self.fire + self.wait + self.turnaround
        return self.integrate + self.update - self.both + rest


def passes_per_input(placement: Placement) -> float:
    """Passes that visit an input: groups, times the patches that an input of a convolution is in."""
    return placement.groups * placement.kind.patches(placement.inputs)


def layer_cycles(
    shape: Shape, config: CoreConfig, activity: Activity, steps: int, *, learn: bool
) -> list[LayerCycles]:
    """Every layer in a sample of `steps` steps."""
    layers, last = shape.placements(config.lanes), shape.learning_steps(steps) * learn
    rows = activity.rows(layers, steps, last)
    return cycles_of(layers, rows, config, activity, (steps, last), learned=shape.learned)


def cycles_of(
    layers: list[Placement],
    rows: list[Rows],
    config: CoreConfig,
    activity: Activity,
    steps: tuple[int, int],
    *,
    learned: bool,
    blank: bool = False,
) -> list[LayerCycles]:
    """Layers that run together in a sample, with what goes into each.

    `steps` are those of a sample, and those that learn. `blank`: the last layer learns nothing.
    """
    every, last = steps
    lasts = [last] * (len(layers) - blank) + [0] * blank
    busy = [
        _busy(placement, row, config, activity, mine > 0)
        for placement, row, mine in zip(layers, rows, lasts, strict=True)
    ]
    lengths = [sum(parts) + LAYER_CYCLES for parts in busy]
    waits = _waits(layers, config, lengths, learned=learned) if last else [0.0] * len(layers)
    found = []
    for placement, row, parts, wait, mine in zip(layers, rows, busy, waits, lasts, strict=True):
        integrate, update, both, fire = parts
        found.append(
            LayerCycles(
                name=f"{placement.stage}{' (out)' * placement.readout}",
                spikes=row.spikes,
                traces=row.traces * (mine > 0),
                integrate=integrate * every,
                update=update * mine,
                both=-both * max(mine - 1, 0),  # the last update has passes of its own
                fire=fire * every,
                wait=wait * last,
                turnaround=LAYER_CYCLES * every
                + _between(placement, row, parts, every, mine)
                + SAMPLE_CYCLES * placement.readout,
            )
        )
    return found


def _busy(
    placement: Placement, row: Rows, config: CoreConfig, activity: Activity, learn: bool
) -> tuple[float, float, float, float]:
    """Cycles of a step: for spikes, for traces, minus those for both, for chunks that fire."""
    each, passes = passes_per_input(placement), placement.state_groups
    integrate = row.spikes * each
    update = row.traces * each * learn
    both = min(activity.overlap * integrate, update) * learn
    length = (integrate + update - both) / passes
    short = 0.0 if placement.kind.mapped else passes * max(0.0, config.chunks - length)
    return integrate, update, -both, short


def _between(
    placement: Placement, row: Rows, busy: tuple[float, ...], steps: int, last: int
) -> float:
    """Cycles of a sample between passes, and between the pixels of an average.

    The passes of the last update are among those of the `last` steps, which were counted with them; a sample
    that learns in fewer steps has as many passes for spikes alone.
    """
    passes, idle = placement.state_groups, steps - last + (0 < last < steps)
    if placement.kind.mapped:
        integrate, update, both, _ = busy
        learning = PASS_CYCLES[True] + _found_late((integrate + update + both) / passes)
        return passes * (
            last * learning + idle * (PASS_CYCLES[False] + _found_late(integrate / passes))
        )
    if placement.averaged == 1:
        return passes * steps
    pixels = placement.averaged * (
        1 - (1 - row.traces / (placement.averaged * placement.channels)) ** placement.channels
    )
    return passes * (steps + last * PIXEL_CYCLES * pixels)


def _found_late(rows: float) -> float:
    """Cycles that a pass waits for the next patch, with so many rows on average, spread as a Poisson law."""
    return sum(
        (FIND_CYCLES - n) * rows**n * math.exp(-rows) / math.factorial(n)
        for n in range(FIND_CYCLES)
    )


def _waits(
    layers: list[Placement], config: CoreConfig, lengths: list[float], *, learned: bool
) -> list[float]:
    """Cycles of a step that each layer waits for its signal, which is formed while others run."""
    waits = [0.0] * len(layers)
    classes = layers[-1].stage.outputs
    rounds = [
        length + _signal_cycles(placement, config, classes, learned and placement.kind.mapped)
        for placement, length in zip(layers, lengths, strict=True)
    ]
    longest = max(range(len(layers)), key=rounds.__getitem__)
    waits[longest] = max(0.0, rounds[longest] - sum(lengths))
    return waits


def _signal_cycles(
    placement: Placement, config: CoreConfig, classes: int, classifier: bool
) -> float:
    """From the last row of a layer to its last gain; a classifier is gone over twice, class by class."""
    rounds = 2 * classes if classifier else -(-classes // CLASSES_AT_A_TIME)
    projected = placement.latent_groups * config.chunks * rounds
    gains = placement.state_groups * config.chunks * placement.kind.mapped
    return FORM_CYCLES + config.chunks + classes + projected + gains
