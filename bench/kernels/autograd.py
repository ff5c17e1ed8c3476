"""BPTT by somebody else's automatic differentiation, with batch normalization: an independent yardstick.

The network is that of a FloatConfig: the same leak, threshold, reset, surrogate, pooling and output layer.
With `norm`, behind every layer stands a batch normalization over samples, pixels and steps, whose scale
starts at the threshold (Zheng et al., Going deeper with directly-trained larger SNNs, AAAI 2021);
without one the network is the one that `golden.reference` has, which a test checks. Needs torch,
which is not among the project's dependencies.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.kernels.inputs import Images
from golden.reference import FloatConfig, Weights
from golden.reference.equations import TRIANGLE_HEIGHT, Floats
from golden.reference.layers import Layer

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as error:  # pragma: no cover - said to users of the rows that need it
    raise SystemExit(
        "the rows bptt-norm and bptt-torch need torch: pip install torch==2.13.0"
    ) from error

Tensor = Any
KERNEL = 3


class Spike(torch.autograd.Function):
    """1 above 0; going back, the triangle of `golden.reference.equations.surrogate`."""

    @staticmethod
    def forward(context: Any, over: Tensor) -> Tensor:
        context.save_for_backward(over)
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (over,) = context.saved_tensors
        return gradient * TRIANGLE_HEIGHT * torch.clamp(1 - over.abs(), min=0)


class Net(nn.Module):
    """Spiking layers, flat or maps, and an output layer that adds up."""

    def __init__(self, cfg: FloatConfig, *, norm: bool) -> None:
        super().__init__()
        if cfg.reset != "soft":
            raise ValueError("BPTT by torch has the soft reset alone")
        self.cfg = cfg
        self.kernels = nn.ModuleList(map(synapses, cfg.layers))
        self.norms = nn.ModuleList(
            normalization(at) if norm else nn.Identity() for at in cfg.layers
        )
        self.out = nn.Linear(cfg.sizes[-2], cfg.classes)
        if norm:
            for each in self.norms:
                nn.init.constant_(each.weight, cfg.theta)

    def load(self, weights: Weights, precision: Any = np.float32) -> None:
        """Start from weights of `golden.reference`: kernels [9 x channels, outputs], taps row by row."""
        with torch.no_grad():
            for kernel, hidden in zip(self.kernels, weights.effective(), strict=True):
                taps = torch.from_numpy(hidden.astype(precision))
                if isinstance(kernel, nn.Linear):
                    kernel.weight.copy_(taps.T)
                    continue
                taps = taps.reshape(KERNEL, KERNEL, kernel.in_channels, kernel.out_channels)
                kernel.weight.copy_(taps.permute(3, 2, 0, 1))
            self.out.weight.copy_(torch.from_numpy(weights.out.T.astype(precision)))
            self.out.bias.copy_(torch.from_numpy(weights.bias.astype(precision)))

    def forward(self, images: Tensor) -> tuple[Tensor, list[float]]:
        """Logits [steps, samples, classes], and firing rates.

        Of images [samples, channels, height, width], or recordings [samples, steps, channels, height, width].
        """
        steps, rates = self.cfg.steps, []
        recorded = images.ndim == 5
        spikes = images.transpose(0, 1) if recorded else images.expand(steps, *images.shape)
        for kernel, norm, layer in zip(self.kernels, self.norms, self.cfg.layers, strict=True):
            if not layer.stage.convolution:
                spikes = in_a_row(spikes)
            current = norm(kernel(spikes.flatten(0, 1))).unflatten(0, (steps, -1))
            fired = self._fire(current)
            rates.append(float(fired.detach().mean()))
            spikes = fired
            if layer.stage.pool == "max":
                spikes = functional.max_pool2d(fired.flatten(0, 1), 2).unflatten(0, (steps, -1))
            elif layer.stage.pool == "mean":
                spikes = fired.mean((-2, -1), keepdim=True)
        return self.out(in_a_row(spikes)), rates

    def _fire(self, current: Tensor) -> Tensor:
        cfg, u, fired = self.cfg, torch.zeros_like(current[0]), []
        for at in current:
            v = cfg.gamma * u + at
            spike = Spike.apply(v - cfg.theta)
            u = v - cfg.reset_amount * spike
            fired.append(spike)
        return torch.stack(fired)


def synapses(layer: Layer) -> Any:
    """What its weights are to torch."""
    if layer.stage.convolution:
        return nn.Conv2d(layer.inputs.channels, layer.fired.channels, KERNEL, padding=1, bias=False)
    return nn.Linear(layer.inputs.neurons, layer.fired.neurons, bias=False)


def normalization(layer: Layer) -> Any:
    """Of what comes out of them."""
    kind = nn.BatchNorm2d if layer.stage.convolution else nn.BatchNorm1d
    return kind(layer.fired.channels)


def in_a_row(spikes: Tensor) -> Tensor:
    """[steps, samples, neurons]: of a map channel last, as golden numbers neurons."""
    return spikes.permute(0, 1, 3, 4, 2).flatten(2) if spikes.ndim == 5 else spikes


def loss_of(net: Net, logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the output layer, summed over the learning steps, mean of the samples."""
    taught = logits[net.cfg.first_learning_step :] / net.cfg.temperature_out
    steps = len(taught)
    return steps * functional.cross_entropy(taught.flatten(0, 1), labels.repeat(steps))


def train(
    cfg: FloatConfig,
    weights: Weights,
    train_on: Images,
    test: Images,
    *,
    epochs: int,
    eta: float,
    batch: int,
    norm: bool,
    told: Callable[[float, list[float]], None],
) -> None:
    """Adam with a cosine to zero; `told` accuracy and firing rates of the test images after each epoch."""
    torch.manual_seed(cfg.seed)
    net = Net(cfg, norm=norm)
    net.load(weights)
    images, labels = tensors(train_on)
    adam = torch.optim.Adam(net.parameters(), eta)
    rounds = -(-len(labels) // batch)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs * rounds)
    for _ in range(epochs):
        net.train()
        for part in torch.randperm(len(labels)).split(batch):
            adam.zero_grad()
            loss_of(net, net(images[part])[0], labels[part]).backward()
            adam.step()
            slower.step()
        told(*judge(net, test))


def judge(net: Net, test: Images) -> tuple[float, list[float]]:
    """Accuracy of the logits summed over all steps, and firing rates; normalization as it was learned."""
    net.eval()
    images, labels = tensors(test)
    right, rates = 0, np.zeros(len(net.cfg.layers))
    with torch.no_grad():
        for some, theirs in zip(images.split(250), labels.split(250), strict=True):
            logits, fired = net(some)
            right += int((logits.sum(0).argmax(1) == theirs).sum())
            rates += np.array(fired) * len(theirs) / len(labels)
    return right / len(labels), rates.tolist()


def tensors(of: Images) -> tuple[Tensor, Tensor]:
    """Images [N, channels, height, width], or recordings [N, steps, …], and labels."""
    shape = of.shape
    over = of.values.shape[:-1]
    values: Floats = of.values.reshape(*over, shape.height, shape.width, shape.channels)
    labels: NDArray[np.int64] = of.labels.astype(np.int64)
    maps = np.ascontiguousarray(np.moveaxis(values, -1, -3))
    return torch.from_numpy(maps), torch.from_numpy(labels)
