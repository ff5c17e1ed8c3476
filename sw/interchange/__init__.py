"""Networks that come and go.

out: `export.to_nir`, with `spikes` (golden spikes) beside it; `files` (safetensors, npz)
in: `recognise` (a graph becomes layers in real numbers), then `quantise` (they become integers)
check: `interpreter` (NIR in NumPy), `others` (snnTorch, Norse, sinabs), `verify` (counts mismatches)
"""
