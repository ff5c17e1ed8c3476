"""The floating-point side of the bench: a network's configuration there, and a training of it.

Flat networks run compiled (bench.native), networks on maps in NumPy (golden.reference).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from bench.native.batched import (
    bptt_gradients,
    evaluate_native,
    fit_batched_native,
    tess_gradients,
)
from bench.native.online import fit_online_native
from golden.reference import (
    FloatConfig,
    Readouts,
    Weights,
    evaluate,
    fit_bptt,
    fit_online,
    fit_tess_batched,
)
from golden.reference.equations import Floats
from golden.reference.layers import Layer
from golden.reference.optim import Adam
from golden.spec.network import Network
from golden.spec.shape import Map
from sw.data import Dataset
from sw.native import Spikes

Rule = Literal["online", "tess", "bptt"]
Told = Callable[[float, list[float]], None]
"""Called after every epoch with accuracy and firing rates of the test samples."""
Judged = Callable[[Floats, Sequence[float]], None]
"""The same with the logits of the test samples."""
GRADIENTS = {"tess": tess_gradients, "bptt": bptt_gradients}
BATCHED = {"tess": fit_tess_batched, "bptt": fit_bptt}


def float_config(network: Network, steps: int) -> FloatConfig:
    """The same network for the float models. Their hard sigmoid's error carries the 2/C that eta has on chip.

    Raises ValueError for a price on the spikes of maps: it would be another for every layer.
    """
    even, learned = network.guess == "even", network.classifiers == "learned"
    per_error = 1 if even else network.classes / 2
    kind = "clipped" if even else "hard_sigmoid"
    fields: dict[str, Any] = {
        "steps": steps,
        "learn_last": min(network.learn_last, steps) or None,
        "gamma": network.gamma,
        "theta": network.theta,
        "reset": "hard" if network.reset == "hard" else "soft",
        "lambda_pre": network.lambda_pre,
        "lambda_post": network.lambda_post,
        "alpha_pre": network.alpha_pre,
        "alpha_post": network.alpha_post,
        "error": kind,
        "error_out": kind,
        "temperature_out": 1 / network.readout_scale,
        "rate_cost": network.rate_cost / per_error,
        "eta_out": network.eta_out * per_error,
        "output_bias": True,
        "init_scale": network.init_scale,
        "precision": "float32",
        "seed": network.seed,
    }
    if network.input_map and network.stages:
        if network.rate_cost:
            raise ValueError(f"{network.name}: no rate_cost on maps in floating point")
        shape, stages = Map(*network.input_map), network.stages
        layers = FloatConfig.of_stages(shape, stages, network.classes).layers
        fields["eta"] = tuple(network.rate(at.number) * per_error * spread(at) for at in layers)
        fields["temperature"] = tuple(1 / (at.latents * network.logit_scale) for at in layers)
        if learned:
            fields["temperature"] = network.tau
            fields["readouts"] = Readouts(start="zero", eta=network.eta_classifier * per_error)
        return FloatConfig.of_stages(shape, stages, network.classes, **fields)
    temperature = tuple(1 / (neurons * network.logit_scale) for neurons in network.hidden)
    eta = tuple(network.rate(layer) * per_error for layer in range(len(network.hidden)))
    return FloatConfig(sizes=network.sizes, eta=eta, temperature=temperature, **fields)


def spread(layer: Layer) -> float:
    """Neurons that share the signal of a latent: the chip does not divide by them."""
    averaged = layer.fired.positions if layer.stage.pool == "mean" else 1
    return averaged * layer.passed_on.positions / layer.side**2


def learn(
    config: FloatConfig,
    samples: tuple[Dataset, Dataset],
    rule: Rule,
    epochs: int,
    told: Told,
    eta: float = 0.0,
) -> None:
    """Train on the first of `samples`, judge by the second; `eta` is Adam's, of minibatches of 32."""
    optimizer = Adam(eta) if rule != "online" else None
    labels = samples[1].labels

    def judged(logits: Floats, rates: Sequence[float]) -> None:
        told(float(np.mean(logits.argmax(axis=1) == labels)), list(rates))

    (_on_maps if config.stages else _compiled)(config, samples, rule, epochs, judged, optimizer)


def _compiled(
    config: FloatConfig,
    samples: tuple[Dataset, Dataset],
    rule: Rule,
    epochs: int,
    judged: Judged,
    optimizer: Adam | None,
) -> None:
    train, test = (Spikes.of(each) for each in samples)

    def after(weights: Weights) -> None:
        judged(*evaluate_native(config, weights, test))

    if optimizer:
        gradients = GRADIENTS[rule]
        how = {"gradients": gradients, "optimizer": optimizer, "epochs": epochs, "after": after}
        fit_batched_native(config, train, **how)
    else:
        fit_online_native(config, train, epochs=epochs, after=after)


def _on_maps(
    config: FloatConfig,
    samples: tuple[Dataset, Dataset],
    rule: Rule,
    epochs: int,
    judged: Judged,
    optimizer: Adam | None,
) -> None:
    train, test = (np.stack([sample.frames for sample in each.channel_last()]) for each in samples)

    def after(weights: Weights) -> None:
        found = evaluate(config, weights, test)
        judged(found.logits, found.firing_rates)

    fit = partial(BATCHED[rule], optimizer=optimizer) if optimizer else fit_online
    fit(config, train, samples[0].labels, epochs=epochs, after=after)
