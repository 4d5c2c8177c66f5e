"""The U-Nets of S000 and S001: layer by layer, parameter by parameter, and against the same network
in functional form."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.api import InputError, Model
from harness.testing import check_component
from harness_networks import harness_models
from harness_networks.hyder_unet import HyderUnet
from harness_networks.spss_unet import SpssUnet

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = SpssUnet(width=4)


def layers(network: nn.Module, size: int, channels: int = 3) -> list[str]:
    """What runs, in order: kind, kernel, channels in and out, and height of the output."""
    ran: list[str] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        kernel = getattr(module, "kernel_size", "")
        kernel = str(kernel[0] if isinstance(kernel, tuple) else kernel)
        ran.append(
            f"{type(module).__name__}{kernel} {inputs[0].shape[1]}>{output.shape[1]}"
            f" {output.shape[2]}"
        )

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [leaf.register_forward_hook(note) for leaf in leaves]
    with torch.inference_mode():
        network(torch.zeros(1, channels, size, size))
    for handle in handles:
        handle.remove()
    return ran


def both(kind: str, before: int, after: int, size: int) -> list[str]:
    """Two layers with ReLU."""
    relu = f"ReLU {after}>{after} {size}"
    return [f"{kind} {before}>{after} {size}", relu, f"{kind} {after}>{after} {size}", relu]


def double(before: int, after: int) -> int:
    """Weights and biases of two 3x3 convolutions."""
    return 9 * before * after + after + 9 * after * after + after


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("component", [HyderUnet, SpssUnet])
def test_contract(component: type[Model]) -> None:
    check_component(component)


def test_the_plugin_offers_its_networks_without_loading_torch() -> None:
    assert [model.name for model in harness_models()] == [
        "hyder-unet",
        "smp",
        "spss-unet",
        "torchvision-deeplabv3",
    ]
    command = (
        "import harness_networks, sys; assert not {'torch', 'torchvision',"
        " 'segmentation_models_pytorch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", command], check=True)


def test_the_layers_of_s000() -> None:
    assert layers(HyderUnet().build(3, 2), 32) == [
        *both("Conv2d3", 3, 64, 32),
        "MaxPool2d2 64>64 16",
        *both("Conv2d3", 64, 128, 16),
        "MaxPool2d2 128>128 8",
        *both("Conv2d3", 128, 256, 8),
        "MaxPool2d2 256>256 4",
        *both("Conv2d3", 256, 512, 4),
        "Upsample 512>512 8",
        *both("Conv2d3", 512 + 256, 256, 8),
        "Upsample 256>256 16",
        *both("Conv2d3", 256 + 128, 128, 16),
        "Upsample 128>128 32",
        *both("Conv2d3", 128 + 64, 64, 32),
        "Conv2d1 64>2 32",
    ]


@pytest.mark.parametrize(("channels", "classes"), [(3, 2), (1, 5)])
def test_the_parameters_of_s000(channels: int, classes: int) -> None:
    down = double(channels, 64) + double(64, 128) + double(128, 256) + double(256, 512)
    up = double(512 + 256, 256) + double(256 + 128, 128) + double(128 + 64, 64)
    expected = down + up + 64 * classes + classes
    assert parameters(HyderUnet().build(channels, classes)) == expected
    if (channels, classes) == (3, 2):
        assert (
            expected
            == 38_720 + 221_440 + 885_248 + 3_539_968 + 2_359_808 + 590_080 + 147_584 + 130
            == 7_782_978
        )


def test_s000_is_the_same_network_in_functional_form() -> None:
    torch.manual_seed(0)
    network = HyderUnet().build(3, 2)
    pairs = list(zip(*[iter(network.parameters())] * 2, strict=True))
    images = torch.randn(1, 3, 16, 16)

    def block(features: Tensor) -> Tensor:
        for weight, bias in (pairs.pop(0), pairs.pop(0)):
            features = F.relu(F.conv2d(features, weight, bias, padding=1))
        return features

    skips = [block(images)]
    for _ in range(3):
        skips.append(block(F.max_pool2d(skips[-1], 2)))
    features = skips.pop()
    for skip in skips[::-1]:
        features = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=True)
        features = block(torch.cat([features, skip], 1))
    torch.testing.assert_close(network(images), F.conv2d(features, *pairs.pop(0)))
    assert not pairs


def test_the_layers_of_s001() -> None:
    def up(before: int, after: int, size: int) -> list[str]:
        relu = f"ReLU {after}>{after} {size}"
        return [
            f"ConvTranspose2d3 {before}>{after} {size}",
            relu,
            f"ConvTranspose2d3 {after + after}>{after} {size}",
            relu,
        ]

    assert layers(SMALL.build(3, 6), 32) == [
        *both("Conv2d3", 3, 4, 32),
        "MaxPool2d2 4>4 16",
        *both("Conv2d3", 4, 8, 16),
        "MaxPool2d2 8>8 8",
        *both("Conv2d3", 8, 16, 8),
        "MaxPool2d2 16>16 4",
        *both("Conv2d3", 16, 32, 4),
        "MaxPool2d2 32>32 2",
        *up(32, 32, 4),
        *up(32, 16, 8),
        *up(16, 8, 16),
        *up(8, 4, 32),
        "Conv2d1 4>6 32",
    ]


@pytest.mark.parametrize(
    ("width", "channels", "classes", "binary"),
    [(32, 3, 6, False), (8, 1, 2, True), (8, 1, 2, False)],
)
def test_the_parameters_of_s001(width: int, channels: int, classes: int, binary: bool) -> None:
    w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
    down = double(channels, w1) + double(w1, w2) + double(w2, w4) + double(w4, w8)
    raising = (9 * w8 * w8 + w8) + (9 * w8 * w4 + w4) + (9 * w4 * w2 + w2) + (9 * w2 * w1 + w1)
    refining = sum(9 * 2 * own * own + own for own in (w8, w4, w2, w1))
    outputs = 1 if binary else classes
    expected = down + raising + refining + w1 * outputs + outputs
    assert parameters(SpssUnet(width=width, binary=binary).build(channels, classes)) == expected
    if width == 32:
        assert down == 10_144 + 55_424 + 221_440 + 885_248
        assert raising == 590_080 + 295_040 + 73_792 + 18_464
        assert refining == 1_179_904 + 295_040 + 73_792 + 18_464
        assert expected == down + raising + refining + 198 == 3_717_030


def test_s001_is_the_same_network_in_functional_form() -> None:
    torch.manual_seed(0)
    network = SMALL.build(3, 6)
    states: dict[str, Any] = dict(network.named_parameters())
    features, skips = torch.randn(1, 3, 32, 32), []
    images = features

    def layer(name: str) -> tuple[Tensor, Tensor]:
        return states.pop(f"{name}.weight"), states.pop(f"{name}.bias")

    for level in range(4):
        for position in (0, 2):
            features = F.relu(F.conv2d(features, *layer(f"down.{level}.{position}"), padding=1))
        skips.append(features)
        features = F.max_pool2d(features, 2)
    for level, skip in enumerate(skips[::-1]):
        features = F.relu(
            F.conv_transpose2d(
                features, *layer(f"raising.{level}.0"), stride=2, padding=1, output_padding=1
            )
        )
        features = F.relu(
            F.conv_transpose2d(
                torch.cat([features, skip], 1), *layer(f"refining.{level}.0"), padding=1
            )
        )
    torch.testing.assert_close(network(images), F.conv2d(features, *layer("last")))
    assert not states


def test_two_logits_of_one_output_are_a_sigmoid() -> None:
    network = SpssUnet(width=4, binary=True).build(1, 2)
    outputs: list[Tensor] = []
    network.last.register_forward_hook(  # type: ignore[union-attr]
        lambda module, inputs, output: outputs.append(output)
    )
    logits = network(torch.randn(2, 1, 32, 32))
    [output] = outputs
    assert output.shape == (2, 1, 32, 32)
    assert not logits[:, 0].any()
    torch.testing.assert_close(logits.softmax(1)[:, 1], output[:, 0].sigmoid())
    loss = F.cross_entropy(logits, torch.ones(2, 32, 32, dtype=torch.long))
    torch.testing.assert_close(
        loss, F.binary_cross_entropy_with_logits(output, torch.ones_like(output))
    )


def test_one_output_is_for_two_classes() -> None:
    with pytest.raises(
        InputError, match=r"model\.binary: is for two classes, and the data set has 5"
    ):
        SpssUnet(binary=True).build(3, 5)


@pytest.mark.parametrize("model", [HyderUnet(), SMALL], ids=lambda model: model.name)
class TestAnyOfThem:
    def test_every_size_that_is_a_multiple_is_kept(self, model: Model) -> None:
        network = model.build(1, 2)
        for factor in (1, 3):
            size = factor * model.patch_multiple
            assert network(torch.zeros(1, 1, size, 2 * size)).shape == (1, 2, size, 2 * size)
        with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
            network(torch.zeros(1, 1, 2 * model.patch_multiple + 4, 48))

    def test_torch_s_generator_decides_the_weights(self, model: Model) -> None:
        states = []
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            states.append(model.build(3, 2).state_dict())
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
        assert not any(torch.equal(states[0][name], states[2][name]) for name in states[0])

    def test_every_parameter_learns(self, model: Model) -> None:
        torch.manual_seed(0)
        network = model.build(3, 2)
        network(torch.randn(2, 3, 32, 32)).square().sum().backward()
        assert all(
            parameter.grad is not None and parameter.grad.abs().sum() > 0
            for parameter in network.parameters()
        )

    def test_half_precision(self, model: Model) -> None:
        torch.manual_seed(0)
        network, images = model.build(3, 2), torch.randn(1, 3, 32, 32)
        with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            assert (network(images).float() - network.float()(images)).abs().max() < 0.1
