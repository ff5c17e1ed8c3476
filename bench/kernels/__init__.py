"""Kernels that learn, in floating point: learned readouts beside fixed signs, kernels as drawn, and BPTT.

inputs.py reads the images, rows.py trains and judges a row of the table, __main__.py runs the table.
"""
