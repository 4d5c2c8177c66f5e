"""The sections of a scenario that decide what a network sees, how it trains and what is computed.

Every default and bound is written here, once. Docstrings and descriptions appear in the JSON schema
and in the reference of scenarios.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from harness.core.strict_model import StrictModel
from harness.core.values import JsonObject

Floor = Literal["majority", "mean-proportions", "qda"]
"""The methods without a network; `MethodSettings.floor` describes them."""


class Section(StrictModel):
    """A frozen part of a scenario; unknown fields are refused."""

    def identity(self) -> JsonObject:
        """Return what goes into keys: only what differs from the defaults."""
        # So a new field makes no record stale, as long as its default changes no number. The price:
        # no key changes with a default either, so whoever changes one must raise PROTOCOL.
        return self.model_dump(mode="json", exclude_defaults=True)


Side = Annotated[int, Field(ge=8, le=8192)]


def _write_out_square(value: Any) -> Any:
    # `isinstance` would take true for 1, and then complain of a side that nobody wrote.
    if type(value) is int:
        return value, value
    return value


class Patches(Section):
    """How scenes become the rectangles the network sees. Scores are of what it sees: after resizing
    or downsampling, not of the files."""

    size: Side = Field(
        256, description="Height and width of a patch, in pixels after resizing or downsampling."
    )
    stride: int | None = Field(
        None,
        ge=1,
        description=(
            "Step between training patches, in pixels; it must divide the size. Default: the size"
            " (no overlap)."
        ),
    )
    padding: Literal["none", "ignore", "background"] = Field(
        "none",
        description=(
            "What happens at the right and bottom edge. none: only whole patches (floor). ignore:"
            " zeros that are neither trained on nor scored. background: zeros labelled as class 0,"
            " as S000 does; for faithful reproductions only."
        ),
    )
    downsample: int = Field(
        1,
        ge=1,
        le=64,
        description=(
            "Shrink scenes by this integer first: images by block mean, masks by the centre pixel."
        ),
    )
    resize: (
        Annotated[
            tuple[Side, Side],
            BeforeValidator(_write_out_square, json_schema_input_type=Side | tuple[Side, Side]),
        ]
        | None
    ) = Field(
        None,
        description=(
            "Bring every scene to this [height, width] first, or to a square of this side, whatever"
            " its shape: images bilinearly with antialiasing, masks by the nearest pixel. Scores"
            " are then of resized scenes: for reproductions. Not with downsample."
        ),
    )
    normalise: Literal["imagenet", "training-set", "none"] = Field(
        "imagenet",
        description=(
            "How pixel values reach the network, after scaling to 0..1: standardised with"
            " ImageNet's mean and standard deviation (3 channels), with those of the training"
            " patches, or not at all."
        ),
    )

    @model_validator(mode="after")
    def _stride_divides_size(self) -> Self:
        # Test patches are those on the grid of the size; training patches must fall on it too.
        if self.stride and self.size % self.stride:
            raise ValueError(
                f"stride {self.stride} must divide the size {self.size}, so that test patches can"
                " be taken without overlap"
            )
        return self

    @model_validator(mode="after")
    def _one_way_to_shrink(self) -> Self:
        if self.resize and self.downsample > 1:
            raise ValueError(
                "resize and downsample both change the size of scenes: use one (resize: null takes"
                " it back)"
            )
        return self


class Split(Section):
    """Which scenes train and which are tested. The core splits; no plugin sees the test part before
    it is tested."""

    by: Literal["official", "group", "leave-one-group-out", "scene", "patch"] = Field(
        "official",
        description=(
            "official: the data set's own split. group: whole groups (tiles, volumes) at random, or"
            " the named ones. leave-one-group-out: seed s tests on group s modulo the number of"
            " groups. scene: single images at random, also where they are crops of one picture;"
            " patch: single patches at random. In both, neighbours leak between the parts: for"
            " faithful reproductions."
        ),
    )
    test: float | tuple[str, ...] = Field(
        0.2,
        description=(
            "Fraction of the groups (or scenes, or patches) to test on, or the names of the test"
            " groups. Not used by official."
        ),
    )
    validation: float | tuple[str, ...] = Field(
        0.0, description="The same for validation. Not used by official and leave-one-group-out."
    )
    seed: int | None = Field(
        None,
        ge=0,
        description=(
            "Pins the random split to one draw for all runs. Default: every seed of the scenario"
            " draws its own split."
        ),
    )

    @model_validator(mode="after")
    def _parts_leave_something(self) -> Self:
        fractions = [part for part in (self.test, self.validation) if isinstance(part, float)]
        for fraction in fractions:
            if not 0 <= fraction < 1:
                raise ValueError(
                    "test and validation are fractions from 0 to below 1, or lists of group names"
                )
        # Named groups can leave nothing to train on as well: the data set's groups decide that.
        if len(fractions) == 2 and sum(fractions) >= 1:
            raise ValueError("test and validation together leave nothing to train on")
        return self

    @model_validator(mode="after")
    def _parts_suit_the_kind(self) -> Self:
        names_groups = isinstance(self.test, tuple) or isinstance(self.validation, tuple)
        if names_groups and self.by != "group":
            raise ValueError("named test or validation groups need `by: group`")
        # The other kinds take the test part from the data set, and never read this field.
        if self.by in ("group", "scene", "patch") and not self.test:
            raise ValueError("test is empty: name groups or give a fraction above 0")
        return self


Augmentation = Literal["horizontal-flip", "vertical-flip", "flips", "rotations", "color-jitter"]


class Training(Section):
    """How a network is trained, the same for every method of a scenario."""

    epochs: int = Field(
        20,
        ge=1,
        description="Passes over the training patches. The last epoch's network is the one tested.",
    )
    batch_size: int = Field(8, ge=1, description="Patches per step.")
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", description="Optimiser, with PyTorch's defaults where not set here."
    )
    learning_rate: float = Field(1e-3, gt=0, description="Initial learning rate.")
    weight_decay: float = Field(
        0.0, ge=0, description="Weight decay: L2 for adam and sgd, decoupled for adamw."
    )
    momentum: float = Field(
        0.9, ge=0, lt=1, description="Momentum of sgd; not used by adam and adamw."
    )
    schedule: Literal["constant", "cosine", "poly"] = Field(
        "constant",
        description=(
            "How the learning rate falls, to zero at the end: cosine, or poly: (1 - t) to the"
            " poly_power."
        ),
    )
    schedule_per: Literal["step", "epoch"] = Field(
        "step", description="Whether the schedule moves after every step or every epoch."
    )
    poly_power: float = Field(0.9, gt=0, description="Exponent of the poly schedule.")
    augment: tuple[Augmentation, ...] = Field(
        (),
        description=(
            "Random changes, drawn per patch: flips (both axes), horizontal-flip, vertical-flip,"
            " rotations (multiples of 90 degrees), color-jitter (brightness, contrast and"
            " saturation)."
        ),
    )
    jitter: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Strength of color-jitter: factors are uniform in 1 - jitter to 1 + jitter.",
    )
    validation: Literal["none", "loss", "miou"] = Field(
        "none",
        description=(
            "What is computed on the validation part after each epoch. loss: the objective on its"
            " weak labels, annotated together with the training part and counted with it. miou: the"
            " mean IoU against whole masks, so validation images count as densely labelled."
        ),
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop after this many epochs in a row without a better validation value.",
    )
    selection: Literal["last", "best-validation"] = Field(
        "last",
        description=(
            "The network whose test scores are reported: the last one, or the one of the best"
            " validation value. Both are stored."
        ),
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description=(
            "Precision of the network's forward pass; losses are fp32. auto: bf16 where the"
            " hardware has it natively."
        ),
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="auto: CUDA if there is a GPU, then MPS, then CPU."
    )

    @model_validator(mode="after")
    def _needs_validation(self) -> Self:
        # Both go by the validation value, which would never be computed.
        if self.validation == "none" and (self.patience or self.selection != "last"):
            raise ValueError(
                "patience and selection: best-validation need validation: loss or miou"
            )
        return self

    @property
    def selects(self) -> bool:
        """True where the validation part decides which network is reported, or when to stop."""
        return self.selection != "last" or self.patience is not None

    def fixed(self) -> Training:
        """Return the same schedule to its last epoch, without a look at the validation part."""
        return self.model_copy(update={"validation": "none", "patience": None, "selection": "last"})


class Evaluation(Section):
    """What is computed on test patches beside the confusion counts."""

    batch_average: int | None = Field(
        None,
        ge=1,
        description=(
            "Also compute the mean IoU averaged over batches of this many test patches, as S000"
            " does (stored as batch_miou). For faithful reproductions only: it depends on the order"
            " and number of patches in a batch."
        ),
    )
    boundary_radius: int = Field(
        2,
        ge=1,
        le=16,
        description=(
            "How far from another class a pixel still counts as boundary, and how far apart"
            " contours still match, in pixels after downsampling. For boundary IoU and F1, whose"
            " counts are always stored."
        ),
    )
