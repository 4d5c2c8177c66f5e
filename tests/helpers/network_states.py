"""What tests look at in a network: its parameters, its state, its logits."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

State = Mapping[str, Tensor]


def count_parameters(network: nn.Module) -> int:
    """Return the number of values that are trained."""
    return sum(parameter.numel() for parameter in network.parameters())


def predict(network: nn.Module, images: Tensor) -> Tensor:
    """Return the logits of a network as it is tested."""
    network.eval()
    with torch.inference_mode():
        logits: Tensor = network(images)
    return logits


def differing_names(state: State, expected: State) -> set[str]:
    """Return the names of tensors that are not equal, or in one state alone."""
    names = set(state) ^ set(expected)
    for name in set(state) & set(expected):
        if not torch.equal(state[name], expected[name]):
            names.add(name)
    return names
