"""torchvision's DeepLabV3: parameters, resolution, where weights come from, and batch norm on
single values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.segmentation import deeplabv3_resnet50

from harness.api import InputError
from harness.testing import check_component
from harness_networks.torchvision_deeplabv3 import TorchvisionDeepLabV3

pytestmark = pytest.mark.usefixtures("one_thread")

State = dict[str, Tensor]


def built(
    channels: int = 3,
    classes: int = 6,
    weights: Path | None = None,
    seed: int = 1,
    auxiliary: float = 0.0,
) -> nn.Module:
    torch.manual_seed(seed)
    model = TorchvisionDeepLabV3(
        weights=None if weights is None else str(weights), auxiliary_weight=auxiliary
    )
    return model.build(channels, classes)


@pytest.fixture(scope="module")
def coco() -> State:
    """Random weights, of 16 bits, of the network with 21 classes and an auxiliary head, as
    torchvision publishes it."""
    torch.manual_seed(0)
    network = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    return {
        name: value.half() if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Where to write weights; they are large, so they do not stay."""
    yield tmp_path / "weights.safetensors"
    (tmp_path / "weights.safetensors").unlink(missing_ok=True)


def test_contract() -> None:
    check_component(TorchvisionDeepLabV3)
    check_component(TorchvisionDeepLabV3, auxiliary_weight=0.5)
    assert TorchvisionDeepLabV3.preload == ("torchvision",)


def bottleneck(before: int, width: int, shortcut: bool) -> int:
    """A block of ResNet-50: 1x1, 3x3 and 1x1 convolutions without bias, each with batch norm (a
    weight and a bias per channel)."""
    after = 4 * width
    own = before * width + 2 * width + 9 * width * width + 2 * width + width * after + 2 * after
    return own + (before * after + 2 * after if shortcut else 0)


def test_the_parameters() -> None:
    stem = 49 * 3 * 64 + 2 * 64
    stages = ((64, 64, 3), (256, 128, 4), (512, 256, 6), (1024, 512, 3))
    backbone = stem + sum(
        bottleneck(before, width, True) + (n - 1) * bottleneck(4 * width, width, False)
        for before, width, n in stages
    )
    assert backbone == 25_557_032 - (2048 * 1000 + 1000)  # ResNet-50 without its classifier
    # 1x1, three dilated 3x3, pooling
    pyramid = (2048 * 256 + 512) + 3 * (9 * 2048 * 256 + 512) + (2048 * 256 + 512)
    head = pyramid + (5 * 256 * 256 + 512) + (9 * 256 * 256 + 512)
    auxiliary = (9 * 1024 * 256 + 512) + (256 * 21 + 21)
    # torchvision's own count, with 21 classes and auxiliary head
    assert backbone + head + (256 * 21 + 21) + auxiliary == 42_004_074
    assert (
        sum(parameter.numel() for parameter in built().parameters())
        == backbone + head + 256 * 6 + 6
        == 39_635_014
    )


def test_an_auxiliary_head_has_the_parameters_of_torchvisions() -> None:
    theirs = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=6, aux_loss=True)
    network = built(auxiliary=0.5)
    assert {name: p.shape for name, p in network.named_parameters()} == {
        name: p.shape for name, p in theirs.named_parameters()
    }
    auxiliary = (9 * 1024 * 256 + 512) + (256 * 6 + 6)
    assert sum(parameter.numel() for parameter in network.parameters()) == 39_635_014 + auxiliary


def test_auxiliary_logits_are_given_in_training_mode_alone() -> None:
    network, images = built(auxiliary=0.5), torch.randn(2, 3, 32, 32)
    main, auxiliary = network(images)
    assert main.shape == auxiliary.shape == (2, 6, 32, 32)
    auxiliary.sum().backward()
    trained = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    assert trained == {"backbone", "aux_classifier"}
    assert network.backbone.layer4[0].conv1.weight.grad is None  # type: ignore[union-attr,index]
    with torch.inference_mode():
        assert network.eval()(images).shape == (2, 6, 32, 32)


def test_an_auxiliary_head_starts_from_the_file_where_it_has_one(coco: State, file: Path) -> None:
    save_file(coco, file)
    state, fresh = (
        built(weights=file, auxiliary=0.5).state_dict(),
        built(auxiliary=0.5).state_dict(),
    )
    assert torch.equal(state["aux_classifier.0.weight"].half(), coco["aux_classifier.0.weight"])
    assert torch.equal(state["aux_classifier.4.weight"], fresh["aux_classifier.4.weight"])
    save_file(
        {name: value for name, value in coco.items() if not name.startswith("aux_classifier.")},
        file,
    )
    assert torch.equal(
        built(weights=file, auxiliary=0.5).state_dict()["aux_classifier.0.weight"],
        fresh["aux_classifier.0.weight"],
    )


def test_features_are_at_an_eighth_of_the_resolution_and_logits_at_all_of_it() -> None:
    network, seen = built(), []
    network.backbone.register_forward_hook(
        lambda module, inputs, output: seen.append(output["out"].shape)
    )  # type: ignore[union-attr]
    assert network(torch.zeros(2, 3, 64, 72)).shape == (2, 6, 64, 72)
    assert seen == [(2, 2048, 8, 9)]


def test_weights_of_the_whole_network_but_for_the_last_layer(coco: State, file: Path) -> None:
    save_file(coco, file)
    state, fresh = built(weights=file).state_dict(), built().state_dict()
    taken = [name for name in state if not name.startswith("classifier.4.")]
    assert set(coco) - set(taken) == {
        name for name in coco if name.startswith(("aux_classifier.", "classifier.4."))
    }
    assert all(
        torch.equal(
            state[name].half() if state[name].is_floating_point() else state[name], coco[name]
        )
        for name in taken
    )
    assert torch.equal(state["classifier.4.weight"], fresh["classifier.4.weight"])
    assert state["classifier.4.weight"].shape == (6, 256, 1, 1)


def test_weights_of_a_resnet50(coco: State, file: Path) -> None:
    resnet = {
        name.removeprefix("backbone."): value
        for name, value in coco.items()
        if name.startswith("backbone.")
    }
    counters = [name for name in resnet if name.endswith("num_batches_tracked")]
    save_file(
        {name: value for name, value in resnet.items() if name not in counters}
        | {"fc.weight": torch.zeros(1000, 2048).half()},
        file,
    )
    state, fresh = built(weights=file).state_dict(), built().state_dict()
    assert torch.equal(
        state["backbone.layer4.2.conv3.weight"].half(), resnet["layer4.2.conv3.weight"]
    )
    assert torch.equal(
        state["classifier.0.convs.1.0.weight"], fresh["classifier.0.convs.1.0.weight"]
    )


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
def test_weights_for_rgb_are_spread_over_other_channels(
    coco: State, file: Path, channels: int
) -> None:
    save_file(coco, file)
    first = built(channels, weights=file).backbone.conv1.weight  # type: ignore[union-attr]
    given = coco["backbone.conv1.weight"].float()
    expected = (
        given.sum(1, keepdim=True)
        if channels == 1
        else torch.stack([given[:, c % 3] * 3 / channels for c in range(channels)], 1)
    )
    assert isinstance(first, nn.Parameter)
    torch.testing.assert_close(first.detach(), expected)


def test_random_weights_for_other_channels_are_spread_as_for_rgb() -> None:
    networks = [built(channels) for channels in (1, 3, 5)]
    weights = [network.state_dict()["backbone.conv1.weight"] for network in networks]
    deviations = [weight.std().item() for weight in weights]
    assert deviations == pytest.approx([(2 / (64 * 49)) ** 0.5] * 3, rel=0.05)


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
    save_file({name: value for name, value in (coco | change).items() if value is not None}, file)
    with pytest.raises(InputError, match=re.escape(f"model.weights: {file} {message}")):
        built(weights=file)


def test_a_file_that_is_no_safetensors_file(file: Path) -> None:
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(
        InputError, match=re.escape(f"model.weights: {file} is no safetensors file")
    ):
        built(weights=file)


def test_a_missing_file_of_weights_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    with pytest.raises(
        ValidationError,
        match=re.escape(f"there is no file {tmp_path / 'absent.safetensors'}: write null, or"),
    ):
        TorchvisionDeepLabV3(weights="absent.safetensors")


def test_initialisation_is_named(file: Path) -> None:
    file.touch()
    assert [
        TorchvisionDeepLabV3(weights=weights).initialisation for weights in (None, str(file))
    ] == ["random", "weights.safetensors"]


def test_a_single_patch_cannot_train_and_can_be_tested() -> None:
    network = built()
    with pytest.raises(InputError, match=r"cannot train on a single patch .*: raise batch_size"):
        network(torch.zeros(1, 3, 16, 16))
    images = torch.randn(2, 3, 32, 32)
    network(images)  # batch norm after global pooling sees two values per channel
    network.eval()
    with torch.inference_mode():
        together, alone = network(images), torch.cat([network(images[:1]), network(images[1:])])
    assert torch.isfinite(together).all()
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_the_smallest_patch_trains() -> None:
    network = built(1, 2)
    # one value per image and channel at an eighth
    network(torch.randn(2, 1, 8, 8)).square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_half_precision() -> None:
    network, images = built().eval(), torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        whole = network(images)
        with torch.autocast("cpu", torch.bfloat16):
            assert (network(images).float() - whole).abs().max() < 0.1 * whole.abs().max() + 0.05
