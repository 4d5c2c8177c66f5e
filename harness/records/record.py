"""The record of a run as a value: what is written when a run ends is what is read ever after.

A record is JSON on disk, `record.json` in a run's folder and a line of a board's file. Here it has
types: `FinishedRecord`, `FailedRecord`, or a `Record` that is only planned. Fields that are unknown
here are newer, or for people: they are kept, written back, and not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)
from pydantic.config import JsonDict

from harness.scenario.settings import Evaluation, Patches, Split, Training

SCHEMA_VERSION = 1

Count = Annotated[int, Field(ge=0, le=10**15)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]
# A key names a folder, and must not lead out of the one of runs.
Key = Annotated[str, Field(pattern=r"^[^/\\.]+$")]
Status = Literal["ok", "failed", "missing"]


class Fields(BaseModel):
    """A part of a record: typed fields, and unknown ones that are kept."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="allow",
        allow_inf_nan=False,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _absent_is_not_null(cls, value: Any, info: Any) -> Any:
        """Refuse null for a field that may only be left out.

        Such a field is `None` in Python where the JSON lacks it; a null in the JSON is damage,
        unless the type of the field says that null means something.
        """
        field = cls.model_fields[str(info.field_name)]
        if value is None and field.json_schema_extra == ABSENT:
            raise ValueError("may be absent, but not null")
        return value

    def as_json(self) -> dict[str, Any]:
        """Return what stands on disk: the fields that were given, in their order."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    # Transitional: readers that have not been rewritten still see the JSON of a record.
    @cached_property
    def _json(self) -> dict[str, Any]:
        return self.as_json()

    def __getitem__(self, name: str) -> Any:
        return self._json[name]

    def __contains__(self, name: object) -> bool:
        return name in self._json

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field of the JSON, or a default."""
        return self._json.get(name, default)

    def keys(self) -> Any:
        """Return the names of the JSON's fields."""
        return self._json.keys()

    def items(self) -> Any:
        """Return the JSON's fields."""
        return self._json.items()

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return self._json | dict(other)

    # End of what is transitional.

    def changed(self, **fields: Any) -> Self:
        """Return a copy with other values of some fields, checked like any other."""
        return type(self).model_validate(self.as_json() | fields)

    def without(self, field: str) -> Self:
        """Return a copy that lacks a field."""
        values = self.as_json()
        values.pop(field, None)
        return type(self).model_validate(values)


ABSENT: JsonDict = {"absent": True}
"""`json_schema_extra` of a field that may be left out, though not be null."""


def absent(**schema: Any) -> Any:
    """Declare a field that a record may lack, which is then `None`."""
    return Field(default=None, json_schema_extra=ABSENT, **schema)


class RecordedClass(Fields):
    """A class of the data set."""

    name: Name
    color: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]
    """Red, green and blue."""


class ComponentSettings(Fields):
    """A component as a record has it: its name, its fields, and which version of it ran."""

    name: Name
    version: str = ""
    """The version that the component declares."""
    source: str = ""
    """sha256 of the component's source, without comments and docstrings."""

    @property
    def fields(self) -> dict[str, Any]:
        """The component's own fields, by name."""
        return dict(self.model_extra or {})

    @model_serializer(mode="wrap")
    def _in_order(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the component's own fields after its name, before what is noted beside them."""
        values: dict[str, Any] = handler(self)
        own = {name: values.pop(name) for name in self.fields}
        return {"name": values.pop("name"), **own, **values}


class DatasetSettings(ComponentSettings):
    """The data set of a run."""

    content: str = ""
    """sha256 of scenes and files."""


class LossSettings(ComponentSettings):
    """A term of the objective."""

    weight: float = 1.0
    """Factor of the term in the sum."""
    ramp: float = 0.0
    """Fraction of the training over which the weight rises."""


class RecordedPatches(Patches):
    """The section `patches`, with fields that a newer version may have added."""

    model_config = ConfigDict(extra="allow")


class RecordedSplit(Split):
    """The section `split`, with fields that a newer version may have added."""

    model_config = ConfigDict(extra="allow")


class RecordedTraining(Training):
    """The section `training`, with fields that a newer version may have added."""

    model_config = ConfigDict(extra="allow")


class RecordedEvaluation(Evaluation):
    """The section `evaluation`, with fields that a newer version may have added."""

    model_config = ConfigDict(extra="allow")


class RunSettings(Fields):
    """The resolved document of a run: all that its key is made from, and what is only told."""

    protocol: int
    """Version of everything in the core that can change a number."""
    profile: str | None = None
    """The scenario's profile."""
    dataset: DatasetSettings
    model: ComponentSettings
    patches: RecordedPatches
    split: RecordedSplit
    training: RecordedTraining
    evaluation: RecordedEvaluation = RecordedEvaluation()
    supervision: list[ComponentSettings] = []
    loss: list[LossSettings] = []
    floor: str | None = absent()
    """The floor that the method is, if it trains no network."""
    trains_on: str = "training"
    """The part of the split that is annotated and trained on."""
    seed: Count | None = absent()


class GitState(Fields):
    """The checkout that the core ran from."""

    commit: str | None
    changes: str | None
    """sha256 of uncommitted changes to source."""


class Machine(Fields):
    """Where a run was computed."""

    system: str = ""
    python: str = ""
    processor: str = ""
    cores: int | None = None
    memory_gib: float | None = None


class RunError(Fields):
    """Why a run failed."""

    type: str
    message: str
    traceback: str | None = absent()
    """Only in the run's own folder."""


class SplitPart(Fields):
    """One part of the split."""

    patches: Count
    scenes: Count = 0
    groups: list[str] = []
    """Names of its groups; none where single scenes or patches were drawn."""
    digest: str = ""
    """sha256 of the keys of its patches."""
    absent_classes: list[str] = []
    """Classes that no pixel of the training part has."""


class RecordedParts(Fields):
    """The three parts of the split."""

    train: SplitPart
    validation: SplitPart
    test: SplitPart


class VariationOfProportions(Fields):
    """Total variation distance of given from exact proportions, over units or regions."""

    mean: Share
    median: float | None = absent()
    max: float | None = absent()


class Annotation(Fields):
    """What one supervision gave."""

    supervision: Name
    unit: str = ""
    """What was annotated at once: scene or patch."""
    units: Count
    labelled_pixels: Count
    labelled_pixels_by_class: list[Count]
    units_without_labels: Count
    present_classes: Count | None = absent()
    """Pairs of a unit and a class that has a label in it."""
    pieces: Count | None = absent()
    """Connected sets (8 neighbours) of labels of one class in a unit."""
    proportion_vectors: Count
    """Those that were annotated, so without shared ones."""
    tag_vectors: Count
    reveals: list[str] = []
    """What the annotation gives away beyond its labels."""
    total_variation: VariationOfProportions | None = absent()
    kl_divergence: float | None = absent()
    """Mean over units or regions, in nats."""
    same_largest: float | None = absent()
    """Share of units or regions whose largest class is the true one."""


class ValidationLabels(Fields):
    """What of the labels is for the validation part."""

    patches: Count
    labelled_pixels: Count


class Masks(Fields):
    """Whole masks that selected a network."""

    scenes: Count
    patches: Count
    labelled_pixels: Count


class Ledger(Fields):
    """How much annotation a run used, counted by the core."""

    scenes: Count
    patches: Count
    valid_pixels: Count | None = absent()
    labelled_pixels: Count
    labelled_share: Amount
    """Labelled pixels over valid ones."""
    validation: ValidationLabels | None = absent()
    supervisions: list[Annotation] = []
    selection: Masks | None = absent()


class Hardware(Fields):
    """What a run was computed on."""

    device: str
    name: str
    precision: str
    threads: int | None = absent()


class Confusion(Fields):
    """Confusion counts of every test image."""

    images: Annotated[list[str], Field(min_length=1)]
    """Keys of the images."""
    groups: list[str]
    """The group of each image: what was kept together by the split."""
    counts: list[list[list[Count]]]
    """[images, K, K]: true classes by predicted ones."""

    @property
    def array(self) -> NDArray[np.int64]:
        """int64 [images, K, K]: the counts as an array."""
        return np.array(self.counts, np.int64)

    @cached_property
    def total(self) -> NDArray[np.int64]:
        """int64 [K, K]: the counts of the whole test set."""
        total: NDArray[np.int64] = self.array.sum(0)
        return total


class StatedScores(Fields):
    """Scores as they were computed when the run ended; `metrics.summary` has all their names.

    Pages compute theirs from the confusion counts. These are for people, and are held against the
    counts when the record is read.
    """

    miou: float | None = None
    batch_miou: float | None = absent()
    """Averaged over batches of test patches, where the scenario asks for it."""


class BoundaryCounts(Fields):
    """Pixels along the boundaries of classes, [K] each; see `metrics.boundary_iou`."""

    radius: Count
    """In pixels."""
    intersection: list[Count]
    union: list[Count]
    predicted: list[Count]
    predicted_matched: list[Count]
    true: list[Count]
    true_matched: list[Count]


class ShareError(Fields):
    """How far class shares predicted for a patch are from the true ones."""

    error: Share
    """Total variation distance, the mean over patches."""
    bias: list[float] | None = absent()
    """[K]: predicted minus true share, the mean over patches."""


class ProportionErrors(Fields):
    """Errors of class shares, from predicted classes (hard) and mean probabilities (soft)."""

    patch_size: Count | None = absent()
    patches: Count | None = absent()
    hard: ShareError | None = absent()
    soft: ShareError | None = absent()


class Calibration(Fields):
    """Pixels by the confidence of their prediction; see `metrics.expected_calibration_error`."""

    pixels: list[Count]
    correct: list[Count]
    confidence: list[Amount]
    """Summed over the pixels of each bin."""
    nll: Amount
    """Summed negative log likelihood, in nats."""


class Details(Fields):
    """What confusion counts do not tell of a test."""

    boundary: BoundaryCounts | None = absent()
    proportions: ProportionErrors | None = absent()
    calibration: Calibration | None = absent()


class Epoch(Fields):
    """One pass over the training patches."""

    epoch: Count
    """From 1."""
    loss: float
    """Mean over the steps."""
    terms: dict[str, float] = {}
    """Mean of each loss term, without its weight."""
    learning_rate: float | None = absent()
    validation: Annotated[float | None, Field(allow_inf_nan=True)] = absent()
    """The validation value after it; a loss on weak labels may overflow."""


class Cost(Fields):
    """Time and memory of a run."""

    prepare_seconds: Amount | None = absent()
    train_seconds: Amount | None = absent()
    test_seconds: Amount | None = absent()
    peak_device_memory_mib: Amount | None = absent()
    started: str = ""
    """Date and time, UTC."""
    seconds: Amount | None = absent()
    """The whole run."""
    peak_memory_mib: Amount = 0
    epoch_seconds: list[Amount] = []


class SpentCost(Cost):
    """Time and memory of a run that finished."""

    seconds: Amount


class NetworkScores(Fields):
    """The test of one of a run's networks."""

    confusion: Confusion
    metrics: StatedScores


class Selection(Fields):
    """Which network is reported, of those that a run tested."""

    rule: str
    """last or best-validation."""
    last_epoch: Count
    best_epoch: Count | None = absent()
    best_value: float | None = absent()
    last: NetworkScores | None = absent()
    best_validation: Annotated[
        NetworkScores | None, Field(alias="best-validation", json_schema_extra=ABSENT)
    ] = None


class Record(Fields):
    """A planned run of a board, with or without a result.

    Fields stand in the order in which they are written.
    """

    schema_version: Literal[1] = 1
    key: Key
    scenario: str | None = absent()
    profile: str | None = None
    overrides: list[str] | None = absent()
    method: Name
    seed: Count
    classes: Annotated[list[RecordedClass], Field(min_length=1)] | None = absent()
    mean_over: Annotated[list[str], Field(min_length=1)] | None = absent()
    initialisation: str | None = absent()
    """Where the weights came from."""
    settings: RunSettings | None = absent()
    packages: dict[str, str] | None = absent()
    """Versions of the packages that can change a number."""
    git: GitState | None = absent()
    machine: Machine | None = absent()
    status: Status
    error: RunError | None = absent()
    split: RecordedParts | None = absent()
    ledger: Ledger | None = absent()
    hardware: Hardware | None = absent()
    parameters: Count | None = absent()
    """Numbers that the network learns."""
    test_evaluations: dict[str, int] = {}
    """How often each network saw the test part."""
    selection: Selection | None = absent()
    confusion: Confusion | None = absent()
    metrics: StatedScores = StatedScores()
    details: Details | None = absent()
    history: list[Epoch] = []
    cost: Cost = Cost()
    stale: str | None = absent()
    """Why the record is not that of today's run of the same method and seed, if it is not."""


class FailedRecord(Record):
    """A run that failed, with what it had."""

    status: Literal["failed"]
    error: RunError


class FinishedRecord(Record):
    """A run with a result."""

    status: Literal["ok"]
    classes: Annotated[list[RecordedClass], Field(min_length=1)]
    mean_over: Annotated[list[str], Field(min_length=1)]
    initialisation: str
    settings: RunSettings
    packages: dict[str, str]
    split: RecordedParts
    ledger: Ledger
    hardware: Hardware
    parameters: Count
    confusion: Confusion
    metrics: StatedScores
    details: Details = Details()
    cost: SpentCost

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in mask order."""
        return [recorded.name for recorded in self.classes]

    @property
    def mean_indices(self) -> list[int]:
        """Which classes scores are averaged over."""
        names = self.class_names
        return [names.index(name) for name in self.mean_over]


TYPES: Mapping[str, type[Record]] = {"ok": FinishedRecord, "failed": FailedRecord}


def parse_record(value: Any) -> Record:
    """Make a record of JSON.

    Raises:
        ValidationError: of pydantic, where a field is missing, or not of its type.
    """
    status = value.get("status") if isinstance(value, dict) else None
    model = TYPES.get(status, Record) if isinstance(status, str) else Record
    return model.model_validate(value)
