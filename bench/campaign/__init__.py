"""Campaigns: long random attacks on one promise of the project each; a short form is in the tests.

    python -m bench.campaign NAME --minutes M [--seed S]

A campaign is a module of its own, with its promise as docstring and a function
`run(minutes: float, seed: int, say: Callable[[str], None]) -> bool`: it attacks until the time is over,
says a line for every round that is worth one and its figures at the end, and returns whether the promise
held. Whatever is random comes from `seed`, so that a failure can be repeated. Most take a seed for each
round, one after the other: a later run that begins behind them goes on, and the figures of both add up.
"""


def seeds(first: int, rounds: int) -> str:
    """Which seeds a run took, and where the next one goes on."""
    return (
        f"seeds {first} to {first + rounds - 1}; another run goes on with --seed {first + rounds}"
    )
