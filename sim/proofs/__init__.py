"""Properties of units that hold for every input, proven by Yosys and an SMT solver.

`engine.py` runs the tools, `rules.py` has the properties, `claims.py` says what is proven of which unit and
how far, `test_proofs.py` proves it. `python -m sim.proofs > docs/proofs.md` writes the list.
"""
