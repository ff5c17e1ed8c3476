"""BPTT by torch, the usual way to train such a network: Adam, batches, float32."""

from collections.abc import Callable
from dataclasses import replace

from bench.accuracy.floats import float_config
from bench.kernels.autograd import Net, loss_of, tensors, torch
from bench.kernels.inputs import numbers
from golden.reference import init_weights
from golden.spec.network import Network
from sw.data import Dataset


def has_gpu() -> bool:
    """Whether torch finds one."""
    return bool(torch.cuda.is_available())


def training(
    network: Network, samples: Dataset, *, batch: int, threads: int, device: str
) -> Callable[[], int]:
    """A pass over the samples, which returns how many were learned. The net stays what it has become.

    `threads` of the processor, where `device` is "cpu". The graph of a GPU is waited for at the end.
    """
    torch.set_num_threads(threads)
    config = float_config(replace(network, rate_cost=0.0), samples.steps)
    net = Net(config, norm=False)
    net.load(init_weights(config))
    net.to(device)
    adam = torch.optim.Adam(net.parameters(), 0.001)
    values, labels = (
        each.to(device) for each in tensors(numbers(samples, flat=not network.stages))
    )

    def run() -> int:
        for part in torch.arange(len(labels), device=device).split(batch):
            adam.zero_grad()
            loss_of(net, net(values[part])[0], labels[part]).backward()
            adam.step()
        if device != "cpu":
            torch.cuda.synchronize()
        return len(labels)

    return run
