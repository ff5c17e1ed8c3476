"""TESS in floating point, on line, compiled: `golden.reference.fit_online` for long experiments."""

import ctypes

import numpy as np

from bench.native import library
from golden.reference import FloatConfig, Formats, Readouts, Weights, init_weights
from golden.reference.train import AfterEpoch
from golden.spec.packing import sign_matrix
from sw.native import Spikes

RATES = (
    *("gamma", "theta", "hard_reset", "lambda_pre", "lambda_post", "alpha_pre", "alpha_post"),
    *("temperature_out", "rate_cost", "eta_out", "learn_from", "softmax", "softmax_out"),
)


def fit_online_native(
    cfg: FloatConfig, spikes: Spikes, *, epochs: int, after: AfterEpoch | None = None
) -> Weights:
    """Train; samples in the order of `golden.reference.fit_online`.

    Raises ValueError for what only the reference can do: maps, gains, another surrogate, reset or update,
    learned readouts, grids, a dead zone.
    """
    kinds = (cfg.surrogate, cfg.update, cfg.precision, cfg.dead_zone, cfg.dead_zone_out)
    plain = cfg.fold_scale and cfg.output_bias and cfg.train_hidden
    plain = plain and not cfg.stages and not cfg.weight_norm and cfg.reset_by in (None, cfg.theta)
    plain = plain and (cfg.readouts, cfg.formats) == (Readouts(), Formats())
    plain = plain and not cfg.out_waits and "clipped" not in (cfg.error, cfg.error_out)
    if kinds != ("triangle", "step", "float32", 0, 0) or not plain:
        raise ValueError(f"{cfg}: not what the compiled rule does; use golden.reference.fit_online")
    spikes.spikes_only("fit_online_native")
    weights, rng = init_weights(cfg), np.random.default_rng(cfg.seed)
    values = {
        "hard_reset": cfg.reset == "hard",
        "learn_from": cfg.first_learning_step,
        "softmax": cfg.error == "softmax",
        "softmax_out": cfg.error_out == "softmax",
    }
    rates = [float(values.get(name, getattr(cfg, name, 0))) for name in RATES]
    hidden = range(cfg.hidden_layers)
    signs = [sign_matrix(cfg.classes, n).astype(np.float32, order="C") for n in cfg.sizes[1:-1]]
    pointers = ctypes.c_void_p * len(signs)
    for epoch in range(epochs):
        order = rng.permutation(len(spikes)).astype(np.int64)
        library().online_run(
            np.array(rates, np.float32),
            cfg.hidden_layers,
            np.array(cfg.sizes, np.int32),
            np.array([cfg.logit_scale(layer) for layer in hidden], np.float32),
            np.array([cfg.per_layer("eta", layer) for layer in hidden], np.float32),
            pointers(*(w.ctypes.data for w in weights.hidden)),
            pointers(*(s.ctypes.data for s in signs)),
            *(weights.out, weights.bias),
            *(spikes.offsets, spikes.rows, spikes.labels, spikes.steps),
            *(order, len(order), float(epoch), float(epochs)),
        )
        if after:
            after(weights)
    return weights
