"""Float references: TESS as published, and surrogate-gradient BPTT to measure it against.

Networks are layers of neurons, flat or on maps (`FloatConfig.of_stages`); one loop serves both.
Learned readouts of the hidden layers are this project's extension (`golden.reference.readouts`).
All is real numbers; `Formats` shows what grids of weights cost. The integer twins in the rest of
``golden`` are held against these modules by stated bounds.
"""

from golden.reference.config import FloatConfig
from golden.reference.network import accuracy, evaluate, predict
from golden.reference.readouts import Readouts
from golden.reference.rounding import Fixed, Formats
from golden.reference.tess import TessLearner
from golden.reference.train import fit_bptt, fit_online, fit_tess_batched
from golden.reference.weights import Weights, init_weights

__all__ = [
    "Fixed",
    "FloatConfig",
    "Formats",
    "Readouts",
    "TessLearner",
    "Weights",
    "accuracy",
    "evaluate",
    "fit_bptt",
    "fit_online",
    "fit_tess_batched",
    "init_weights",
    "predict",
]
