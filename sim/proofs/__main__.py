"""The list of what is proven: python -m sim.proofs > docs/proofs.md"""

from sim.proofs.claims import CLAIMS

HEAD = """# What is proven

Tests drive a unit with many inputs; a proof is about all of them. Yosys turns the elaborated unit into
transitions, and z3 looks for inputs that break a property (`sim/proofs`; `pytest sim/proofs` proves all
of it). *For ever*: by induction, from any state that the unit could be in. *n cycles*: no inputs of so many
cycles from power-on break it. Inputs and waits are anything; neighbours keep the stream rules. That every
stream moves within those cycles is checked, too, so that no proof is about nothing. The units are small ones
(3 lanes, 2 layers, a ring of 4 bytes), but with the logic of the large ones.

| unit | property | how far | given |
|---|---|---|---|
"""


def page() -> str:
    """The page, Markdown."""
    rows = (
        f"| `{claim.unit}` | {claim.says} | {'for ever' if claim.ever else f'{claim.depth} cycles'} "
        f"| {claim.given} |"
        for claim in CLAIMS
    )
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(page(), end="")
