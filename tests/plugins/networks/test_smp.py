"""Networks of segmentation_models_pytorch: shapes, names, and where weights come from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import torch
from network_states import count_parameters, differing_names, predict
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn

from harness.core.errors import InputError
from harness_networks.smp import ENCODERS, SegmentationModelsPytorch

pytestmark = pytest.mark.usefixtures("one_thread")

State = dict[str, Tensor]


def unet(encoder: str = "resnet18", weights: str | Path | None = None) -> SegmentationModelsPytorch:
    path = str(weights) if weights else None
    return SegmentationModelsPytorch(architecture="unet", encoder=encoder, weights=path)


def encoder_state(network: nn.Module) -> State:
    """Return the state of the encoder alone."""
    state: State = network.get_submodule("encoder").state_dict()
    return state


def save_weights(file: Path) -> State:
    """Write random encoder weights of a resnet18 for three channels."""
    torch.manual_seed(0)
    state = encoder_state(unet().build(3, 2))
    save_file(state, file)
    # Whatever is built next draws other weights than these.
    torch.manual_seed(1)
    return state


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Hugging Face cache without a file."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channels", "classes"),
    [
        (1, 2),
        (3, 5),
        (4, 1),
    ],
)
def test_a_network_gives_every_pixel_a_logit_of_every_class(channels: int, classes: int) -> None:
    network = unet().build(channels, classes)
    logits = predict(network, torch.zeros(2, channels, 64, 64))
    assert logits.shape == (2, classes, 64, 64)


def test_unet_with_resnet34_has_the_parameters_of_s002() -> None:
    network = SegmentationModelsPytorch().build(3, 5)
    assert count_parameters(network) == 24_436_949


def build_with_seed(seed: int) -> State:
    torch.manual_seed(seed)
    state: State = unet().build(3, 2).state_dict()
    return state


def test_torch_s_generator_decides_random_weights() -> None:
    state = build_with_seed(0)
    assert differing_names(build_with_seed(0), state) == set()
    assert "encoder.conv1.weight" in differing_names(build_with_seed(1), state)


def test_every_known_encoder_is_in_the_library() -> None:
    import segmentation_models_pytorch as smp

    assert set(ENCODERS) <= set(smp.encoders.get_encoder_names())
    assert len(set(ENCODERS)) == len(ENCODERS)


def test_every_architecture_is_in_the_library() -> None:
    import segmentation_models_pytorch as smp

    field = SegmentationModelsPytorch.model_fields["architecture"]
    assert set(get_args(field.annotation)) <= set(smp.MODEL_ARCHITECTURES_MAPPING)


@pytest.mark.parametrize(
    ("encoder", "meant"),
    [
        ("resnet43", "resnet34"),
        ("efficientnet_b0", "efficientnet-b0"),
        ("resnet-50", "resnet50"),
    ],
)
def test_an_unknown_encoder_is_refused_with_a_suggestion(encoder: str, meant: str) -> None:
    message = rf"no such encoder\. Did you mean '{meant}'\? .*`tu-`"
    with pytest.raises(ValidationError, match=message):
        unet(encoder)


def test_an_encoder_of_timm_is_taken_by_its_prefix() -> None:
    assert unet("tu-resnet10t").encoder == "tu-resnet10t"


def test_a_missing_file_of_weights_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    file = tmp_path / "absent.safetensors"
    message = re.escape(f"there is no file {file}: write null, imagenet, or")
    with pytest.raises(ValidationError, match=message):
        unet(weights="absent.safetensors")
    with pytest.raises(ValidationError, match=message):
        unet(weights=file)


def test_imagenet_weights_that_are_not_in_the_cache_are_an_error_with_a_remedy(
    empty_cache: Path,
) -> None:
    message = (
        r"ImageNet weights of 'resnet18' are not on this machine.*`hf download"
        r" smp-hub/resnet18\.imagenet --revision [0-9a-f]{40}` once"
    )
    with pytest.raises(InputError, match=message):
        unet(weights="imagenet").build(3, 2)


@pytest.mark.parametrize("encoder", ["dpn92", "tu-resnet10t"])
def test_an_encoder_without_imagenet_weights_is_an_error(empty_cache: Path, encoder: str) -> None:
    message = f"the library has no ImageNet weights for encoder '{encoder}': use another, or null"
    with pytest.raises(InputError, match=message):
        unet(encoder, "imagenet").build(3, 2)


def test_imagenet_weights_are_read_from_the_cache(empty_cache: Path) -> None:
    import segmentation_models_pytorch as smp

    published = smp.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]
    repository = "models--" + published["repo_id"].replace("/", "--")
    snapshot = empty_cache / repository / "snapshots" / published["revision"]
    snapshot.mkdir(parents=True)
    expected = save_weights(snapshot / "model.safetensors")
    network = unet(weights="imagenet").build(3, 2)
    assert differing_names(encoder_state(network), expected) == set()


def test_weights_of_a_file_are_those_of_the_encoder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    expected = save_weights(tmp_path / "own.safetensors")
    # Below the folder of data, or anywhere.
    for weights in ("own.safetensors", tmp_path / "own.safetensors"):
        network = unet(weights=weights).build(3, 2)
        assert differing_names(encoder_state(network), expected) == set()


def test_weights_for_rgb_are_adapted_to_other_channels(tmp_path: Path) -> None:
    expected = save_weights(tmp_path / "own.safetensors")
    network = unet(weights=tmp_path / "own.safetensors").build(1, 2)
    state = encoder_state(network)
    assert differing_names(state, expected) == {"conv1.weight"}
    grey = expected["conv1.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(state["conv1.weight"], grey)
    logits = predict(network, torch.zeros(1, 1, 64, 64))
    assert logits.shape == (1, 2, 64, 64)


@pytest.mark.parametrize(
    "content", [None, {"other": torch.zeros(2)}], ids=["no safetensors", "other weights"]
)
def test_a_file_without_weights_of_the_encoder_is_an_error(
    tmp_path: Path, content: State | None
) -> None:
    file = tmp_path / "wrong.safetensors"
    if content is None:
        file.write_bytes(b"nothing of the kind")
    else:
        save_file(content, file)
    message = f"model.weights: {file} does not hold weights of the encoder 'resnet18': "
    with pytest.raises(InputError, match=re.escape(message)):
        unet(weights=file).build(3, 2)


def test_weights_of_another_encoder_are_an_error(tmp_path: Path) -> None:
    save_weights(tmp_path / "resnet18.safetensors")
    model = unet("resnet34", tmp_path / "resnet18.safetensors")
    with pytest.raises(InputError, match="does not hold weights of the encoder 'resnet34'"):
        model.build(3, 2)


def test_initialisation_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    file.touch()
    assert unet(weights=None).initialisation == "random"
    assert unet(weights="imagenet").initialisation == "ImageNet (encoder)"
    assert unet(weights=file).initialisation == "own.safetensors (encoder)"


@pytest.mark.parametrize(
    ("architecture", "encoder"), [("unet", "tu-nonsense"), ("unetplusplus", "mit_b0")]
)
def test_what_the_library_cannot_build_is_an_error_of_the_scenario(
    architecture: str, encoder: str
) -> None:
    settings = {"architecture": architecture, "encoder": encoder}
    model = SegmentationModelsPytorch.model_validate(settings)
    message = f"model: {architecture} with encoder '{encoder}' cannot be built: "
    with pytest.raises(InputError, match=message):
        model.build(3, 2)
