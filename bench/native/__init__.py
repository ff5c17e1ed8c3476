"""Rules in floating point as compiled C++, for long experiments.

online.py and batched.py are held to golden.reference by tests/test_native.py. `sw.native` is the
integer core.
"""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from numpy.ctypeslib import ndpointer

from sw.native.library import compiled

SOURCES = [Path(__file__).with_name(name) for name in ("online.cc", "batched.cc")]


@cache
def library() -> ctypes.CDLL:
    """The compiled rules. Raises RuntimeError."""
    lib = compiled("floats", SOURCES)
    number, single, count = ctypes.c_int, ctypes.c_float, ctypes.c_int64
    long, whole = ndpointer(np.int64, flags="C"), ndpointer(np.int32, flags="C")
    real, reals = ndpointer(np.float32, flags="C"), ctypes.POINTER(ctypes.c_void_p)
    network = [real, number, whole, real, real, reals, reals, real, real]
    lists = [long, whole, number, long, count]
    lib.batched_integrate.argtypes = [real, number, *lists, real]
    lib.batched_gather.argtypes = [real, number, *lists, real]
    samples = [long, whole, whole, number, long, count]
    lib.online_run.argtypes = [*network, *samples, single, single]
    return lib
