"""torchvision's DeepLabV3: parameters, resolution, where weights come from, and batch norm on
single values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from network_states import count_parameters, differing_names, predict
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.segmentation import deeplabv3_resnet50

from harness.api import InputError
from harness.testing import check_component
from harness_networks.torchvision_deeplabv3 import TorchvisionDeepLabV3

pytestmark = pytest.mark.usefixtures("one_thread")

State = dict[str, Tensor]

PARAMETERS = 39_635_014
"""With six classes and no auxiliary head."""


def build(
    channels: int = 3,
    classes: int = 6,
    weights: Path | None = None,
    auxiliary: float = 0.0,
) -> nn.Module:
    """Build a network whose random weights are always the same."""
    torch.manual_seed(1)
    path = str(weights) if weights else None
    model = TorchvisionDeepLabV3(weights=path, auxiliary_weight=auxiliary)
    return model.build(channels, classes)


def build_state(weights: Path | None = None, auxiliary: float = 0.0) -> State:
    """Build a network, and return its state."""
    state: State = build(weights=weights, auxiliary=auxiliary).state_dict()
    return state


def halve(state: State) -> State:
    """Return the state with floats of 16 bits, as torchvision publishes it."""
    halved = {}
    for name, value in state.items():
        halved[name] = value.half() if value.is_floating_point() else value
    return halved


def select(state: State, prefix: str) -> State:
    """Return the part of a state whose names begin with a prefix."""
    return {name: value for name, value in state.items() if name.startswith(prefix)}


@pytest.fixture(scope="module")
def coco() -> State:
    """Random weights of the network with 21 classes and an auxiliary head."""
    torch.manual_seed(0)
    network = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    return halve(network.state_dict())


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Where to write weights; they are large, so they do not stay."""
    path = tmp_path / "weights.safetensors"
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.slow
def test_contract() -> None:
    check_component(TorchvisionDeepLabV3)
    check_component(TorchvisionDeepLabV3, auxiliary_weight=0.5)
    assert TorchvisionDeepLabV3.preload == ("torchvision",)


def convolution(kernel: int, before: int, after: int) -> int:
    """Count a convolution without bias, and batch norm with a weight and a bias per channel."""
    return kernel * kernel * before * after + 2 * after


def classifier(before: int, classes: int) -> int:
    """Count a 1x1 convolution with bias."""
    return before * classes + classes


def bottleneck(before: int, width: int) -> int:
    """Count a block of ResNet-50."""
    narrowing = convolution(1, before, width)
    widening = convolution(1, width, 4 * width)
    return narrowing + convolution(3, width, width) + widening


def stage(before: int, width: int, blocks: int) -> int:
    """Count a stage of ResNet-50: the shortcut of its first block has a convolution."""
    after = 4 * width
    first = bottleneck(before, width) + convolution(1, before, after)
    return first + (blocks - 1) * bottleneck(after, width)


def test_the_parameters() -> None:
    backbone = (
        convolution(7, 3, 64)
        + stage(64, 64, 3)
        + stage(256, 128, 4)
        + stage(512, 256, 6)
        + stage(1024, 512, 3)
    )
    # ResNet-50 without its classifier of 1000 classes.
    assert backbone == 25_557_032 - classifier(2048, 1000)

    pointwise_and_pooling = 2 * convolution(1, 2048, 256)
    dilated = 3 * convolution(3, 2048, 256)
    projection = convolution(1, 5 * 256, 256)
    head = pointwise_and_pooling + dilated + projection + convolution(3, 256, 256)
    auxiliary = convolution(3, 1024, 256) + classifier(256, 21)
    # torchvision's own count, with 21 classes and auxiliary head.
    assert backbone + head + classifier(256, 21) + auxiliary == 42_004_074

    assert backbone + head + classifier(256, 6) == PARAMETERS
    assert count_parameters(build()) == PARAMETERS


def shapes_of(network: nn.Module) -> dict[str, torch.Size]:
    """Return the shape of each parameter."""
    return {name: parameter.shape for name, parameter in network.named_parameters()}


def test_an_auxiliary_head_has_the_parameters_of_torchvisions() -> None:
    expected = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=6, aux_loss=True)
    network = build(auxiliary=0.5)
    assert shapes_of(network) == shapes_of(expected)
    auxiliary = convolution(3, 1024, 256) + classifier(256, 6)
    assert count_parameters(network) == PARAMETERS + auxiliary


def test_auxiliary_logits_are_given_in_training_mode_alone() -> None:
    network = build(auxiliary=0.5)
    images = torch.randn(2, 3, 32, 32)
    main, auxiliary = network(images)
    assert main.shape == (2, 6, 32, 32)
    assert auxiliary.shape == (2, 6, 32, 32)

    auxiliary.sum().backward()
    trained = set()
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            trained.add(name)
    assert {name.partition(".")[0] for name in trained} == {"backbone", "aux_classifier"}
    # The auxiliary head reads what the third stage gives.
    assert "backbone.layer4.0.conv1.weight" not in trained

    assert predict(network, images).shape == (2, 6, 32, 32)


@pytest.mark.slow
def test_an_auxiliary_head_starts_from_the_file_where_it_has_one(coco: State, file: Path) -> None:
    fresh = build_state(auxiliary=0.5)
    save_file(coco, file)
    state = build_state(file, auxiliary=0.5)
    assert torch.equal(state["aux_classifier.0.weight"].half(), coco["aux_classifier.0.weight"])
    # The last layer is of other classes.
    assert torch.equal(state["aux_classifier.4.weight"], fresh["aux_classifier.4.weight"])

    without_auxiliary = select(coco, "backbone.") | select(coco, "classifier.")
    save_file(without_auxiliary, file)
    state = build_state(file, auxiliary=0.5)
    assert torch.equal(state["aux_classifier.0.weight"], fresh["aux_classifier.0.weight"])


def test_features_are_at_an_eighth_of_the_resolution_and_logits_at_all_of_it() -> None:
    network = build()
    shapes = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: State) -> None:
        shapes.append(output["out"].shape)

    network.get_submodule("backbone").register_forward_hook(note)
    logits = network(torch.zeros(2, 3, 64, 72))
    assert logits.shape == (2, 6, 64, 72)
    assert shapes == [(2, 2048, 8, 9)]


@pytest.mark.slow
def test_weights_of_the_whole_network_but_for_the_last_layer(coco: State, file: Path) -> None:
    save_file(coco, file)
    state = build_state(file)
    # What the network has not, and what is of other classes.
    left_out = set(select(coco, "aux_classifier.")) | set(select(coco, "classifier.4."))
    new = set(select(state, "classifier.4."))
    assert differing_names(halve(state), coco) == left_out | new

    fresh = build_state()
    assert torch.equal(state["classifier.4.weight"], fresh["classifier.4.weight"])
    assert state["classifier.4.weight"].shape == (6, 256, 1, 1)


def test_weights_of_a_resnet50(coco: State, file: Path) -> None:
    resnet = {}
    for name, value in select(coco, "backbone.").items():
        # Files of older versions have no counters of batches.
        if not name.endswith("num_batches_tracked"):
            resnet[name.removeprefix("backbone.")] = value
    classifier_of_resnet = {"fc.weight": torch.zeros(1000, 2048).half()}
    save_file(resnet | classifier_of_resnet, file)
    state = build_state(file)
    weight = state["backbone.layer4.2.conv3.weight"]
    assert torch.equal(weight.half(), resnet["layer4.2.conv3.weight"])

    fresh = build_state()
    weight = state["classifier.0.convs.1.0.weight"]
    assert torch.equal(weight, fresh["classifier.0.convs.1.0.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_weights_for_rgb_are_spread_over_other_channels(
    coco: State, file: Path, channels: int
) -> None:
    save_file(coco, file)
    weight = build(channels, weights=file).get_parameter("backbone.conv1.weight")
    rgb = coco["backbone.conv1.weight"].float()
    if channels == 1:
        expected = rgb.sum(1, keepdim=True)
    else:
        # In turn, and scaled so that their sum stays about the same.
        in_turn = [channel % 3 for channel in range(channels)]
        expected = rgb[:, in_turn] * 3 / channels
    torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_random_weights_for_other_channels_are_spread_as_for_rgb(channels: int) -> None:
    weight = build(channels).get_parameter("backbone.conv1.weight")
    # He initialisation over outputs: 64 channels of 7 x 7.
    expected = (2 / (64 * 49)) ** 0.5
    assert weight.std().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone.layer1.0.conv1.weight": None}, "lacks backbone.layer1.0.conv1.weight"),
        ({"classifier.1.weight": None}, "lacks classifier.1.weight"),
        ({"backbone.layer5": torch.zeros(1)}, "holds backbone.layer5"),
        (
            {"backbone.conv1.weight": torch.zeros(64, 3, 3, 3)},
            "is of another network: size mismatch for backbone.conv1.weight",
        ),
    ],
)
def test_weights_of_another_network(
    coco: State, file: Path, change: dict[str, Tensor | None], message: str
) -> None:
    state = dict(coco)
    for name, value in change.items():
        if value is None:
            del state[name]
        else:
            state[name] = value
    save_file(state, file)
    full_message = re.escape(f"model.weights: {file} {message}")
    with pytest.raises(InputError, match=full_message):
        build(weights=file)


def test_a_file_that_is_no_safetensors_file(file: Path) -> None:
    file.write_bytes(b"nothing of the kind")
    message = f"model.weights: {file} is no safetensors file"
    with pytest.raises(InputError, match=re.escape(message)):
        build(weights=file)


def test_a_missing_file_of_weights_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    message = f"there is no file {tmp_path / 'absent.safetensors'}: write null, or"
    with pytest.raises(ValidationError, match=re.escape(message)):
        TorchvisionDeepLabV3(weights="absent.safetensors")


def test_initialisation_is_named(file: Path) -> None:
    file.touch()
    assert TorchvisionDeepLabV3(weights=None).initialisation == "random"
    assert TorchvisionDeepLabV3(weights=str(file)).initialisation == "weights.safetensors"


def test_a_single_patch_cannot_train_and_can_be_tested() -> None:
    network = build()
    # Batch norm after global pooling would see one value per channel.
    with pytest.raises(InputError, match=r"cannot train on a single patch .*: raise batch_size"):
        network(torch.zeros(1, 3, 16, 16))
    images = torch.randn(2, 3, 32, 32)
    network(images)

    together = predict(network, images)
    assert torch.isfinite(together).all()
    for index in (0, 1):
        alone = predict(network, images[index : index + 1])
        torch.testing.assert_close(together[index], alone[0], atol=1e-4, rtol=1e-4)


def test_the_smallest_patch_trains() -> None:
    network = build(1, 2)
    # One value per image and channel at an eighth of the resolution.
    logits = network(torch.randn(2, 1, 8, 8))
    logits.square().sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


def test_half_precision() -> None:
    network = build()
    images = torch.randn(1, 3, 32, 32)
    logits = predict(network, images)
    with torch.autocast("cpu", torch.bfloat16):
        half_logits = predict(network, images)
    difference = (half_logits.float() - logits).abs().max()
    assert difference < 0.1 * logits.abs().max() + 0.05
