"""The sections of a scenario that are not components, as frozen models. Every default and bound is
written here, once."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from harness.core.strict_model import StrictModel

SCORES = (
    "miou",
    "batch_miou",
    "accuracy",
    "macro_f1",
    "iou:CLASS",
    "f1:CLASS",
    "precision:CLASS",
    "recall:CLASS",
)
SCORE = r"^(miou|batch_miou|accuracy|macro_f1|(iou|f1|precision|recall):.+)$"
Floor = Literal["majority", "mean-proportions", "qda"]


class Section(StrictModel):
    """A frozen part of a scenario; unknown fields are refused."""

    def identity(self) -> dict[str, Any]:
        """What goes into keys: only what differs from the defaults, so that a new field with a
        neutral default makes nothing stale.

        In return, changing a default raises PROTOCOL.
        """
        return self.model_dump(mode="json", exclude_defaults=True)


Side = Annotated[int, Field(ge=8, le=8192)]


def _square(value: Any) -> Any:
    return (value, value) if type(value) is int else value


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
            BeforeValidator(_square, json_schema_input_type=Side | tuple[Side, Side]),
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


def _by(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


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
    def _fractions(self) -> Self:
        for part in (self.test, self.validation):
            if isinstance(part, float) and not 0 <= part < 1:
                raise ValueError(
                    "test and validation are fractions from 0 to below 1, or lists of group names"
                )
        if (
            isinstance(self.test, float)
            and isinstance(self.validation, float)
            and self.test + self.validation >= 1
        ):
            raise ValueError("test and validation together leave nothing to train on")
        named = isinstance(self.test, tuple) or isinstance(self.validation, tuple)
        if self.by != "group" and named:
            raise ValueError("named test or validation groups need `by: group`")
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
        if self.validation == "none" and (self.patience or self.selection != "last"):
            raise ValueError(
                "patience and selection: best-validation need validation: loss or miou"
            )
        return self

    @property
    def selects(self) -> bool:
        """Whether the validation part decides which network is reported, or when training ends."""
        return self.selection != "last" or self.patience is not None

    def fixed(self) -> Training:
        """The same schedule to its last epoch, without a look at the validation part."""
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


Fraction = Annotated[float, Field(ge=0, le=1)]


Scores = Annotated[
    dict[str, Fraction], Field(json_schema_extra={"propertyNames": {"pattern": SCORE}})
]


def _number_or_scores(value: Any) -> str:
    return "scores" if isinstance(value, dict) else "number"


class Published(Section):
    """A paper's numbers for the methods of this scenario, shown beside ours. Not shown where a
    profile's data set lacks the class."""

    source: str = Field(description="Where the numbers are printed: paper, table.")
    metric: str = Field(
        description="What the source calls its numbers, and how they differ from ours."
    )
    compare: str = Field(
        "miou",
        json_schema_extra={"pattern": SCORE},
        description=(
            f"Which of our scores a number alone is: {', '.join(SCORES[:-1])} or {SCORES[-1]}."
            " batch_miou: see evaluation."
        ),
    )
    values: dict[
        str,
        Annotated[
            Annotated[Fraction, Tag("number")] | Annotated[Scores, Tag("scores")],
            Discriminator(_number_or_scores),
        ],
    ] = Field(
        description=(
            "What the source has for each method, by its name, as fractions (0.66, not 66): a"
            ' number, or several by score, such as {miou: 0.523, accuracy: 0.823, "f1:water":'
            " 0.901}."
        )
    )
    deviations: tuple[str, ...] = Field(
        (), description="What differs from the source and may explain a difference, a phrase each."
    )


class MethodSettings(Section):
    """A named pair of supervision and loss."""

    supervision: Any = Field(
        None, description="A supervision, or a list of them: name, or {name: ..., field: value}."
    )
    loss: Any = Field(
        None,
        description=(
            "A loss, or a list of weighted terms: {name: ..., weight: 0.5, ramp: 0.1, field:"
            " value}."
        ),
    )
    floor: Floor | None = Field(
        None,
        description=(
            "Instead of a loss: a method without a network, fitted on the labels (without"
            " supervision: on whole masks). majority: the commonest class. mean-proportions: the"
            " class of largest mean share per patch. qda: quadratic discriminant analysis on colour"
            " and local statistics."
        ),
    )
    trains_on: Literal["training", "validation"] = Field(
        "training",
        description=(
            "The part of the split that is annotated and trained on. validation: for a few-shot"
            " row, dense training on exactly the images that the other methods use to select a"
            " network; for all epochs, without early stopping or selection."
        ),
    )
    sweep: dict[str, list[Any]] = Field(
        {},
        description=(
            "Fields with lists of values: one method per combination. {field} in the method's name"
            " becomes the value."
        ),
    )
    about: str = Field("", description="One line for the leaderboard.")

    @model_validator(mode="after")
    def _loss_or_floor(self) -> Self:
        if (self.loss is None) == (self.floor is None):
            raise ValueError("give either a loss or a floor")
        if self.loss is not None and self.supervision is None:
            raise ValueError("a loss needs a supervision")
        return self


class TermSettings(Section):
    """How one loss enters the objective."""

    weight: float = Field(1.0, ge=0, description="Factor of this loss in the sum.")
    ramp: float = Field(
        0.0,
        ge=0,
        le=1,
        description=(
            "Fraction of training over which the weight rises from near 0 to its value, as exp(-5"
            " (1 - t)^2). 0: no ramp."
        ),
    )


MOST_SEEDS = 1000
"""No study has more; a slip of the finger would fill the memory with planned runs."""


class ScenarioSettings(Section):
    """One file that decides everything about an experiment."""

    name: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        description="Name of the scenario and of its leaderboard, in kebab-case.",
    )
    about: str = Field(
        "", description="What is compared and why, with its source; printed on the leaderboard."
    )
    dataset: Any = Field(description="A data set: name, or {name: ..., field: value}.")
    patches: Patches = Field(Patches(), description="How scenes become patches.")
    split: Annotated[Split, BeforeValidator(_by)] = Field(
        Split(), description="How scenes are divided; a name alone means `by`."
    )
    model: Any = Field(description="A network: name, or {name: ..., field: value}.")
    training: Training = Field(Training(), description="How networks are trained.")
    seeds: int | tuple[int, ...] = Field(
        5, description="How many seeds (0, 1, ...), or the list of them."
    )
    reference: str = Field("full", description="The method that every other one is compared with.")
    evaluation: Evaluation = Field(
        Evaluation(), description="What is computed on test patches beside the confusion counts."
    )
    mean_over: tuple[str, ...] | None = Field(
        None, description="Classes that the mean IoU is taken over. Default: all of the data set."
    )
    methods: dict[str, MethodSettings] = Field(
        min_length=1, description="The methods to compare, by name."
    )
    profiles: dict[str, dict[str, Any]] = Field(
        {},
        description=(
            "Named overrides of the fields above, chosen with --profile. Results of profiles never"
            " mix."
        ),
    )
    published: Published | None = Field(None, description="A paper's numbers for these methods.")

    @field_validator("seeds")
    @classmethod
    def _seeds(cls, seeds: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if isinstance(seeds, int) and seeds > MOST_SEEDS:
            raise ValueError(f"is more than {MOST_SEEDS} seeds")
        listed = range(seeds) if isinstance(seeds, int) else seeds
        if not listed or min(listed) < 0 or len(set(listed)) != len(listed):
            raise ValueError(
                "write a number of seeds from 1, or a list of different numbers from 0"
            )
        return seeds
