"""Networks of segmentation_models_pytorch: shapes, names, and where weights come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from harness.core.errors import InputError
from harness_networks.smp import ENCODERS, SegmentationModelsPytorch

pytestmark = pytest.mark.usefixtures("one_thread")


def unet(encoder: str = "resnet18", weights: str | Path | None = None) -> SegmentationModelsPytorch:
    return SegmentationModelsPytorch(
        architecture="unet", encoder=encoder, weights=None if weights is None else str(weights)
    )


def saved(file: Path, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random encoder weights of a resnet18 for three channels, written to a file."""
    torch.manual_seed(seed)
    state: dict[str, torch.Tensor] = unet().build(3, 2).encoder.state_dict()
    save_file(state, file)
    return state


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Hugging Face cache without a file."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (3, 5), (4, 1)])
def test_a_network_gives_every_pixel_a_logit_of_every_class(channels: int, classes: int) -> None:
    model = unet().build(channels, classes).eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, channels, 64, 64)).shape == (2, classes, 64, 64)


def test_unet_with_resnet34_has_the_parameters_of_s002() -> None:
    model = SegmentationModelsPytorch().build(3, 5)
    assert sum(parameter.numel() for parameter in model.parameters()) == 24_436_949


def test_torch_s_generator_decides_random_weights() -> None:
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(unet().build(3, 2).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["encoder.conv1.weight"], states[2]["encoder.conv1.weight"])


def test_every_known_encoder_is_in_the_library() -> None:
    import segmentation_models_pytorch as smp

    assert set(ENCODERS) <= set(smp.encoders.get_encoder_names())
    assert len(set(ENCODERS)) == len(ENCODERS)


def test_every_architecture_is_in_the_library() -> None:
    from typing import get_args

    import segmentation_models_pytorch as smp

    assert set(get_args(SegmentationModelsPytorch.model_fields["architecture"].annotation)) <= set(
        smp.MODEL_ARCHITECTURES_MAPPING
    )


@pytest.mark.parametrize(
    ("encoder", "meant"),
    [("resnet43", "resnet34"), ("efficientnet_b0", "efficientnet-b0"), ("resnet-50", "resnet50")],
)
def test_an_unknown_encoder_is_refused_with_a_suggestion(encoder: str, meant: str) -> None:
    with pytest.raises(
        ValidationError, match=rf"no such encoder\. Did you mean '{meant}'\? .*`tu-`"
    ):
        unet(encoder)


def test_an_encoder_of_timm_is_taken_by_its_prefix() -> None:
    assert unet("tu-resnet10t").encoder == "tu-resnet10t"


def test_a_missing_file_of_weights_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    for weights in ("absent.safetensors", tmp_path / "absent.safetensors"):
        with pytest.raises(
            ValidationError,
            match=re.escape(
                f"there is no file {tmp_path / 'absent.safetensors'}: write null, imagenet, or"
            ),
        ):
            unet(weights=weights)


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
    with pytest.raises(
        InputError,
        match=f"the library has no ImageNet weights for encoder '{encoder}': use another, or null",
    ):
        unet(encoder, "imagenet").build(3, 2)


def test_imagenet_weights_are_read_from_the_cache(empty_cache: Path) -> None:
    import segmentation_models_pytorch as smp

    known = smp.encoders.encoders["resnet18"]["pretrained_settings"]["imagenet"]
    snapshot = (
        empty_cache
        / f"models--{known['repo_id'].replace('/', '--')}"
        / "snapshots"
        / known["revision"]
    )
    snapshot.mkdir(parents=True)
    state = saved(snapshot / "model.safetensors")
    torch.manual_seed(1)
    built = unet(weights="imagenet").build(3, 2).encoder.state_dict()
    assert all(torch.equal(built[name], state[name]) for name in state)


def test_weights_of_a_file_are_those_of_the_encoder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    state = saved(tmp_path / "own.safetensors")
    for weights in ("own.safetensors", tmp_path / "own.safetensors"):
        torch.manual_seed(1)
        built = unet(weights=weights).build(3, 2).encoder.state_dict()
        assert built.keys() == state.keys()
        assert all(torch.equal(built[name], state[name]) for name in state)


def test_weights_for_rgb_are_adapted_to_other_channels(tmp_path: Path) -> None:
    state = saved(tmp_path / "own.safetensors")
    torch.manual_seed(1)
    model = unet(weights=tmp_path / "own.safetensors").build(1, 2).eval()
    built = model.encoder.state_dict()
    torch.testing.assert_close(built["conv1.weight"], state["conv1.weight"].sum(1, keepdim=True))
    assert all(torch.equal(built[name], state[name]) for name in state if name != "conv1.weight")
    with torch.inference_mode():
        assert model(torch.zeros(1, 1, 64, 64)).shape == (1, 2, 64, 64)


@pytest.mark.parametrize(
    "content", [None, {"other": torch.zeros(2)}], ids=["no safetensors", "other weights"]
)
def test_a_file_without_weights_of_the_encoder_is_an_error(
    tmp_path: Path, content: dict[str, torch.Tensor] | None
) -> None:
    file = tmp_path / "wrong.safetensors"
    if content is None:
        file.write_bytes(b"nothing of the kind")
    else:
        save_file(content, file)
    with pytest.raises(
        InputError,
        match=re.escape(f"model.weights: {file} does not hold weights of the encoder 'resnet18': "),
    ):
        unet(weights=file).build(3, 2)


def test_weights_of_another_encoder_are_an_error(tmp_path: Path) -> None:
    saved(tmp_path / "resnet18.safetensors")
    with pytest.raises(InputError, match="does not hold weights of the encoder 'resnet34'"):
        unet("resnet34", tmp_path / "resnet18.safetensors").build(3, 2)


def test_initialisation_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.safetensors").touch()
    named = [
        unet(weights=weights).initialisation
        for weights in (None, "imagenet", tmp_path / "own.safetensors")
    ]
    assert named == ["random", "ImageNet (encoder)", "own.safetensors (encoder)"]


@pytest.mark.parametrize(
    ("architecture", "encoder"), [("unet", "tu-nonsense"), ("unetplusplus", "mit_b0")]
)
def test_what_the_library_cannot_build_is_an_error_of_the_scenario(
    architecture: str, encoder: str
) -> None:
    with pytest.raises(
        InputError, match=f"model: {architecture} with encoder '{encoder}' cannot be built: "
    ):
        SegmentationModelsPytorch.model_validate(
            {"architecture": architecture, "encoder": encoder}
        ).build(3, 2)
