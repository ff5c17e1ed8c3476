"""Accuracy of the chip beside frozen hidden layers, TESS in floating point, and BPTT.

methods.py trains one way; choose.py picks settings on held-out training samples; jobs.py and __main__.py run
everything and keeps it under bench/results/, from where `python -m bench.results` makes docs/results.md.
"""
