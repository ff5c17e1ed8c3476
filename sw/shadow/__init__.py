"""Shadow mode: a device and its twin, compared after every sample, to the first difference.

In come two targets and the samples of a training run. Out comes Differs, which names layer, neuron,
step and signal, and a folder with a report, the sample (sample.npz) and on the simulated board a
waveform (sample.vcd).

What is written to the device is written to the twin, and every sample runs on both (`shadowed`).
Results and the noise state are compared after each sample. Weights are compared after so many, and
whenever they are read. At the first difference both go back to the last state known to be equal. The
samples since then run again, and the first that differs runs step by step (`rerun`). `difference`
compares values. A fault that comes again is named by the step it is in. One that does not (a bit that
flipped, a write from elsewhere) is named by the weight that is furthest off: the more often weights are
compared, the surer.

The Shadowed device owns both devices and the folder.
"""

from sw.shadow.shadowed import USUAL_EVERY, Differs, Shadowed

__all__ = ["USUAL_EVERY", "Differs", "Shadowed"]
