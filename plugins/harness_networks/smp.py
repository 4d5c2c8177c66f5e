"""Networks of the library segmentation_models_pytorch (Iakubovskii 2019)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from harness.api import InputError, Model, data_root, suggestion

if TYPE_CHECKING:
    import torch

RESNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resnext101_32x8d",
)
VGGS = tuple(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn"))
SENETS = (
    "senet154",
    "se_resnet50",
    "se_resnet101",
    "se_resnet152",
    "se_resnext50_32x4d",
    "se_resnext101_32x4d",
)
OTHERS = (
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "dpn68",
    "dpn92",
    "inceptionresnetv2",
    "mobilenet_v2",
    "xception",
)
EFFICIENT = (
    *(f"efficientnet-b{size}" for size in range(8)),
    *(f"mit_b{size}" for size in range(6)),
)
ENCODERS = (
    *RESNETS,
    *VGGS,
    *SENETS,
    *OTHERS,
    *EFFICIENT,
    *(f"mobileone_s{size}" for size in range(5)),
)
"""Known here by name, so that a scenario is checked without importing the library, which takes
seconds."""

Architecture = Literal[
    "unet",
    "unetplusplus",
    "manet",
    "linknet",
    "fpn",
    "pspnet",
    "pan",
    "deeplabv3",
    "deeplabv3plus",
    "upernet",
    "segformer",
]


class SegmentationModelsPytorch(Model):
    """A decoder on a convolutional or transformer encoder, from segmentation_models_pytorch."""

    name: ClassVar[str] = "smp"
    preload: ClassVar[tuple[str, ...]] = ("segmentation_models_pytorch",)
    patch_multiple: ClassVar[int] = 32

    architecture: Architecture = Field("unet", description="The decoder.")
    encoder: str = Field(
        "resnet34",
        description="The encoder, by the library's name; `tu-` and a timm name for any of timm's.",
    )
    weights: str | None = Field(
        None,
        description=(
            "What the encoder starts from. null: random. imagenet: the library's ImageNet weights,"
            " which must be in the local Hugging Face cache, since runs never download. Else a"
            " safetensors file of encoder weights, absolute or below HARNESS_DATA."
        ),
    )

    @field_validator("encoder")
    @classmethod
    def _known(cls, encoder: str) -> str:
        if encoder not in ENCODERS and not encoder.startswith("tu-"):
            raise ValueError(
                f"no such encoder. {suggestion(encoder, ENCODERS)} Or `tu-` and the name of a timm"
                " model."
            )
        return encoder

    @field_validator("weights")
    @classmethod
    def _present(cls, weights: str | None) -> str | None:
        if weights not in (None, "imagenet") and not _file(str(weights)).is_file():
            raise ValueError(
                f"there is no file {_file(str(weights))}: write null, imagenet, or a safetensors"
                " file of encoder weights"
            )
        return weights

    @property
    def initialisation(self) -> str:
        """random, ImageNet, or the file's name."""
        if self.weights is None:
            return "random"
        return (
            "ImageNet (encoder)"
            if self.weights == "imagenet"
            else f"{Path(self.weights).name} (encoder)"
        )

    def build(self, channels: int, classes: int) -> torch.nn.Module:
        """From [B, channels, H, W] to logits [B, classes, H, W]; H and W are multiples of 32."""
        import segmentation_models_pytorch as smp

        file = self._weights_file()
        # published encoder weights are for RGB; the library adapts the first layer after loading
        built_for = 3 if file else channels
        try:
            model: torch.nn.Module = smp.create_model(
                self.architecture,
                self.encoder,
                encoder_weights=None,
                in_channels=built_for,
                classes=classes,
            )
        except (KeyError, RuntimeError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise InputError(
                f"model: {self.architecture} with encoder {self.encoder!r} cannot be built: {line}"
            ) from error
        if file:
            _load_encoder(model, file, self.encoder)
            if channels != 3:
                model.encoder.set_in_channels(  # type: ignore[operator,union-attr]
                    channels, pretrained=True
                )
        return model

    def _weights_file(self) -> Path | None:
        if self.weights is None:
            return None
        if self.weights != "imagenet":
            return _file(self.weights)
        import segmentation_models_pytorch as smp
        from huggingface_hub import try_to_load_from_cache

        known = (
            smp.encoders.encoders.get(self.encoder, {})
            .get("pretrained_settings", {})
            .get("imagenet")
        )
        if known is None:
            raise InputError(
                f"model.weights: the library has no ImageNet weights for encoder {self.encoder!r}:"
                " use another, or null"
            )
        cached = try_to_load_from_cache(
            known["repo_id"], "model.safetensors", revision=known["revision"]
        )
        if not isinstance(cached, str):
            raise InputError(
                f"model.weights: ImageNet weights of {self.encoder!r} are not on this machine, and"
                " runs never download. Where there is a network, run `hf download"
                f" {known['repo_id']} --revision {known['revision']}` once; or write null, or a"
                " file"
            )
        return Path(cached)


def _file(weights: str) -> Path:
    path = Path(weights).expanduser()
    return path if path.is_absolute() else data_root() / path


def _load_encoder(model: torch.nn.Module, file: Path, encoder: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        model.encoder.load_state_dict(load_file(file))  # type: ignore[union-attr]
    except (SafetensorError, RuntimeError, OSError) as error:
        line = str(error).splitlines()[0]
        raise InputError(
            f"model.weights: {file} does not hold weights of the encoder {encoder!r}: {line}"
        ) from error
