"""Trained networks as files: NIR graphs, safetensors and npz, written and read.

- out: `export.to_nir` makes a graph, `spikes` records the chip's spikes beside it; `files` writes
  safetensors and npz
- in: `recognise` turns a graph into layers in real numbers, `quantise` turns those into integers, and
  `arrival` says what that cost
- check: `interpreter` runs NIR in NumPy, `others` in snnTorch, Norse and sinabs; `verify` counts the
  spikes that differ

A network comes from a run folder, and goes into a new one as its first checkpoint. Files are written
whole or not at all. The package nir is imported by `package` alone, when a graph is read or written.
"""
