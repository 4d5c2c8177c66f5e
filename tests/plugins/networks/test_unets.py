"""The U-Nets of S000 and S001: layer by layer, parameter by parameter, and against the same network
in functional form."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from network_states import count_parameters, differing_names, predict
from torch import Tensor, nn

from harness.api import InputError, Model
from harness.testing import check_component
from harness_networks import harness_models
from harness_networks.hyder_unet import HyderUnet
from harness_networks.spss_unet import SpssUnet

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = SpssUnet(width=4)


def list_layers(network: nn.Module, size: int, channels: int = 3) -> list[str]:
    """Run a network, and describe its layers in the order in which they ran.

    Each has its kind with its kernel, its channels in and out, and the height of its output.
    """
    layers: list[str] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        kernel = getattr(module, "kernel_size", "")
        if isinstance(kernel, tuple):
            kernel = kernel[0]
        _, before, _, _ = inputs[0].shape
        _, after, height, _ = output.shape
        layers.append(f"{type(module).__name__}{kernel} {before}>{after} {height}")

    for module in network.modules():
        is_leaf = not list(module.children())
        if is_leaf:
            module.register_forward_hook(note)
    predict(network, torch.zeros(1, channels, size, size))
    return layers


def two_layers(kind: str, before: int, after: int, size: int) -> list[str]:
    """Describe two layers, each followed by ReLU."""
    relu = f"ReLU {after}>{after} {size}"
    return [
        f"{kind} {before}>{after} {size}",
        relu,
        f"{kind} {after}>{after} {size}",
        relu,
    ]


def convolution(before: int, after: int) -> int:
    """Count the weights and biases of a 3x3 convolution."""
    return 9 * before * after + after


def two_convolutions(before: int, after: int) -> int:
    return convolution(before, after) + convolution(after, after)


@pytest.mark.parametrize("component", [HyderUnet, SpssUnet])
def test_contract(component: type[Model]) -> None:
    check_component(component)


def test_the_plugin_offers_its_networks_without_loading_torch() -> None:
    names = [model.name for model in harness_models()]
    assert names == ["hyder-unet", "smp", "spss-unet", "torchvision-deeplabv3"]
    command = (
        "import harness_networks, sys; assert not {'torch', 'torchvision',"
        " 'segmentation_models_pytorch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", command], check=True)


def test_the_layers_of_s000() -> None:
    assert list_layers(HyderUnet().build(3, 2), 32) == [
        *two_layers("Conv2d3", 3, 64, 32),
        "MaxPool2d2 64>64 16",
        *two_layers("Conv2d3", 64, 128, 16),
        "MaxPool2d2 128>128 8",
        *two_layers("Conv2d3", 128, 256, 8),
        "MaxPool2d2 256>256 4",
        *two_layers("Conv2d3", 256, 512, 4),
        "Upsample 512>512 8",
        *two_layers("Conv2d3", 512 + 256, 256, 8),
        "Upsample 256>256 16",
        *two_layers("Conv2d3", 256 + 128, 128, 16),
        "Upsample 128>128 32",
        *two_layers("Conv2d3", 128 + 64, 64, 32),
        "Conv2d1 64>2 32",
    ]


@pytest.mark.parametrize(("channels", "classes"), [(3, 2), (1, 5)])
def test_the_parameters_of_s000(channels: int, classes: int) -> None:
    down = (
        two_convolutions(channels, 64)
        + two_convolutions(64, 128)
        + two_convolutions(128, 256)
        + two_convolutions(256, 512)
    )
    up = (
        two_convolutions(512 + 256, 256)
        + two_convolutions(256 + 128, 128)
        + two_convolutions(128 + 64, 64)
    )
    last = 64 * classes + classes
    network = HyderUnet().build(channels, classes)
    assert count_parameters(network) == down + up + last
    if channels == 3:
        # The published counts, layer by layer.
        assert down == 38_720 + 221_440 + 885_248 + 3_539_968
        assert up == 2_359_808 + 590_080 + 147_584
        assert last == 130
        assert count_parameters(network) == 7_782_978


def test_s000_is_the_same_network_in_functional_form() -> None:
    torch.manual_seed(0)
    network = HyderUnet().build(3, 2)
    # A weight and a bias for each layer, in the order in which they run.
    parameters = list(network.parameters())
    images = torch.randn(1, 3, 16, 16)

    def two_layers(features: Tensor) -> Tensor:
        for _ in range(2):
            weight = parameters.pop(0)
            bias = parameters.pop(0)
            features = F.relu(F.conv2d(features, weight, bias, padding=1))
        return features

    skips = [two_layers(images)]
    for _ in range(3):
        skips.append(two_layers(F.max_pool2d(skips[-1], 2)))
    features = skips.pop()
    for skip in reversed(skips):
        features = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=True)
        features = two_layers(torch.cat([features, skip], 1))
    weight, bias = parameters
    torch.testing.assert_close(network(images), F.conv2d(features, weight, bias))


def test_the_layers_of_s001() -> None:
    def up(before: int, after: int, size: int) -> list[str]:
        relu = f"ReLU {after}>{after} {size}"
        return [
            f"ConvTranspose2d3 {before}>{after} {size}",
            relu,
            f"ConvTranspose2d3 {after + after}>{after} {size}",
            relu,
        ]

    assert list_layers(SMALL.build(3, 6), 32) == [
        *two_layers("Conv2d3", 3, 4, 32),
        "MaxPool2d2 4>4 16",
        *two_layers("Conv2d3", 4, 8, 16),
        "MaxPool2d2 8>8 8",
        *two_layers("Conv2d3", 8, 16, 8),
        "MaxPool2d2 16>16 4",
        *two_layers("Conv2d3", 16, 32, 4),
        "MaxPool2d2 32>32 2",
        *up(32, 32, 4),
        *up(32, 16, 8),
        *up(16, 8, 16),
        *up(8, 4, 32),
        "Conv2d1 4>6 32",
    ]


@pytest.mark.parametrize(
    ("width", "channels", "classes", "binary"),
    [
        (32, 3, 6, False),
        (8, 1, 2, True),
        (8, 1, 2, False),
    ],
)
def test_the_parameters_of_s001(width: int, channels: int, classes: int, binary: bool) -> None:
    w1 = width
    w2 = 2 * width
    w4 = 4 * width
    w8 = 8 * width
    down = (
        two_convolutions(channels, w1)
        + two_convolutions(w1, w2)
        + two_convolutions(w2, w4)
        + two_convolutions(w4, w8)
    )
    raising = convolution(w8, w8) + convolution(w8, w4) + convolution(w4, w2) + convolution(w2, w1)
    # Each reads the raised features and those of the same level on the way down.
    refining = (
        convolution(2 * w8, w8)
        + convolution(2 * w4, w4)
        + convolution(2 * w2, w2)
        + convolution(2 * w1, w1)
    )
    outputs = 1 if binary else classes
    last = w1 * outputs + outputs
    network = SpssUnet(width=width, binary=binary).build(channels, classes)
    assert count_parameters(network) == down + raising + refining + last
    if width == 32:
        assert down == 10_144 + 55_424 + 221_440 + 885_248
        assert raising == 590_080 + 295_040 + 73_792 + 18_464
        assert refining == 1_179_904 + 295_040 + 73_792 + 18_464
        assert last == 198
        assert count_parameters(network) == 3_717_030


def test_s001_is_the_same_network_in_functional_form() -> None:
    torch.manual_seed(0)
    network = SMALL.build(3, 6)
    parameters = dict(network.named_parameters())
    images = torch.randn(1, 3, 32, 32)

    def take(name: str) -> tuple[Tensor, Tensor]:
        weight = parameters.pop(f"{name}.weight")
        bias = parameters.pop(f"{name}.bias")
        return weight, bias

    features = images
    skips = []
    for level in range(4):
        for position in (0, 2):
            weight, bias = take(f"down.{level}.{position}")
            features = F.relu(F.conv2d(features, weight, bias, padding=1))
        skips.append(features)
        features = F.max_pool2d(features, 2)
    for level, skip in enumerate(reversed(skips)):
        weight, bias = take(f"raising.{level}.0")
        features = F.relu(
            F.conv_transpose2d(features, weight, bias, stride=2, padding=1, output_padding=1)
        )
        joined = torch.cat([features, skip], 1)
        weight, bias = take(f"refining.{level}.0")
        features = F.relu(F.conv_transpose2d(joined, weight, bias, padding=1))
    weight, bias = take("last")
    torch.testing.assert_close(network(images), F.conv2d(features, weight, bias))
    # No layer is left over.
    assert parameters == {}


def test_two_logits_of_one_output_are_a_sigmoid() -> None:
    network = SpssUnet(width=4, binary=True).build(1, 2)
    outputs: list[Tensor] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output)

    network.get_submodule("last").register_forward_hook(note)
    logits = network(torch.randn(2, 1, 32, 32))
    [output] = outputs
    assert output.shape == (2, 1, 32, 32)
    assert not logits[:, 0].any()
    probability = logits.softmax(1)[:, 1]
    torch.testing.assert_close(probability, output[:, 0].sigmoid())

    loss = F.cross_entropy(logits, torch.ones(2, 32, 32, dtype=torch.long))
    binary_loss = F.binary_cross_entropy_with_logits(output, torch.ones_like(output))
    torch.testing.assert_close(loss, binary_loss)


def test_one_output_is_for_two_classes() -> None:
    message = r"model\.binary: is for two classes, and the data set has 5"
    with pytest.raises(InputError, match=message):
        SpssUnet(binary=True).build(3, 5)


def build_with_seed(model: Model, seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    state: dict[str, Tensor] = model.build(3, 2).state_dict()
    return state


@pytest.mark.parametrize("model", [HyderUnet(), SMALL], ids=lambda model: model.name)
class TestAnyOfThem:
    def test_every_size_that_is_a_multiple_is_kept(self, model: Model) -> None:
        network = model.build(1, 2)
        for factor in (1, 3):
            size = factor * model.patch_multiple
            logits = network(torch.zeros(1, 1, size, 2 * size))
            assert logits.shape == (1, 2, size, 2 * size)
        no_multiple = 2 * model.patch_multiple + 4
        with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
            network(torch.zeros(1, 1, no_multiple, 48))

    def test_torch_s_generator_decides_the_weights(self, model: Model) -> None:
        state = build_with_seed(model, 0)
        assert differing_names(build_with_seed(model, 0), state) == set()
        assert differing_names(build_with_seed(model, 1), state) == set(state)

    def test_every_parameter_learns(self, model: Model) -> None:
        torch.manual_seed(0)
        network = model.build(3, 2)
        logits = network(torch.randn(2, 3, 32, 32))
        logits.square().sum().backward()
        for parameter in network.parameters():
            assert parameter.grad is not None
            assert parameter.grad.abs().sum() > 0

    def test_half_precision(self, model: Model) -> None:
        torch.manual_seed(0)
        network = model.build(3, 2)
        images = torch.randn(1, 3, 32, 32)
        logits = predict(network, images)
        with torch.autocast("cpu", torch.bfloat16):
            half_logits = predict(network, images)
        assert half_logits.dtype == torch.bfloat16
        assert (half_logits.float() - logits).abs().max() < 0.1
