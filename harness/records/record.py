"""The record of a run as a value: what is written when a run ends is what is read ever after.

A record is JSON on disk, `record.json` in a run's folder and a line of a board's file. Here it has
types: `FinishedRecord`, `FailedRecord` and `MissingRecord`. Fields that are unknown here are newer,
or for people: they are kept, written back, and not looked at.

The strings below the fields document the format, also in docs/record.schema.json.
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

from harness.core.values import JsonObject
from harness.scenario.settings import Evaluation, Patches, Split, Training

SCHEMA_VERSION = 1

# Bounded, so that the sum over all images of a test fits into int64.
Count = Annotated[int, Field(ge=0, le=10**15)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]
# A key names a folder, and must not lead out of the one of runs.
Key = Annotated[str, Field(pattern=r"^[^/\\.]+$")]
Status = Literal["ok", "failed", "missing"]

MethodAndSeed = tuple[str, int]
"""What tells the runs of a board apart."""


def _refuse_null(schema: JsonObject) -> None:
    """Take null out of the JSON schema of a field that may only be left out."""
    schema.pop("default", None)
    alternatives = [entry for entry in schema.pop("anyOf") if entry != {"type": "null"}]
    if len(alternatives) == 1:
        schema.update(alternatives[0])
    else:
        schema["anyOf"] = alternatives


def absent(alias: str | None = None) -> Any:
    """Declare a field that a record may lack, which is then `None`, though it may not be null."""
    return Field(default=None, alias=alias, json_schema_extra=_refuse_null)


class Fields(BaseModel):
    """A part of a record: typed fields, and unknown ones that are kept."""

    model_config = ConfigDict(
        frozen=True,
        # A number that is written as text, or true where a number belongs, is damage.
        strict=True,
        extra="allow",
        # Where there is no number, null says so. Fields that may be NaN declare it.
        allow_inf_nan=False,
        # In fields that are unknown here NaN stays what it is. By default it would become null.
        ser_json_inf_nan="constants",
        # `best-validation` is a name in JSON, and none in Python.
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
        if value is None and field.json_schema_extra is _refuse_null:
            raise ValueError("may be absent, but not null")
        return value

    def as_json(self) -> JsonObject:
        """Return what stands on disk: the fields that were given, in their order."""
        # Defaults are not written. They would make an old record look like a new one, and would
        # change the lines of records that nobody has touched.
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def changed(self, **fields: Any) -> Self:
        """Return a copy with other values of some fields, checked like any other.

        Args:
            fields: the values, as JSON.
        """
        # Not `model_copy`, which checks nothing.
        return type(self).model_validate(self.as_json() | fields)

    def without(self, field: str) -> Self:
        """Return a copy that lacks a field."""
        values = self.as_json()
        values.pop(field, None)
        return type(self).model_validate(values)


class RecordedClass(Fields):
    """A class of the data set."""

    name: Name
    """Its name, which scores and `mean_over` refer to."""
    color: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]
    """Red, green and blue, for pictures."""


class ComponentSettings(Fields):
    """A component as a record has it: its name, its fields, and which version of it ran."""

    name: Name
    """The name that a scenario calls it by."""
    version: str = ""
    """The version that the component declares."""
    source: str = ""
    """sha256 of the component's source, without comments and docstrings."""

    @property
    def fields(self) -> JsonObject:
        """The component's own fields, by name."""
        return dict(self.model_extra or {})

    @model_serializer(mode="wrap")
    def _in_order(self, handler: SerializerFunctionWrapHandler) -> JsonObject:
        """Write the component's own fields after its name, before what is noted beside them."""
        # Pydantic writes unknown fields last. Here they are the hyper-parameters, which people read
        # first, and which stand first in all records that exist.
        values: JsonObject = handler(self)
        fields = {name: values.pop(name) for name in self.fields}
        return {"name": values.pop("name"), **fields, **values}


class DatasetSettings(ComponentSettings):
    """The data set of a run."""

    content: str = ""
    """sha256 of its scenes and files, so of all pixels that a run can see."""


class LossSettings(ComponentSettings):
    """A term of the objective."""

    weight: float = 1.0
    """Factor of the term in the sum."""
    ramp: float = 0.0
    """Fraction of the training over which the weight rises."""


# The sections below are those of a scenario, which refuse unknown fields. A record keeps them.


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
    """The resolved document of a run: all that its key is made from, and some that it is not."""

    protocol: int
    """Version of everything in the core that can change a number."""
    profile: str | None = None
    """The scenario's profile; null without one."""
    dataset: DatasetSettings
    """Where the images are from."""
    model: ComponentSettings
    """The network."""
    patches: RecordedPatches
    """How scenes became patches."""
    split: RecordedSplit
    """How scenes were divided."""
    training: RecordedTraining
    """How the network was trained."""
    # The section is younger than the first records, and its defaults are what they did.
    evaluation: RecordedEvaluation = RecordedEvaluation()
    """What was computed on test patches beside the confusion counts."""
    supervision: list[ComponentSettings] = []
    """What annotated the images; empty for a floor that is fitted on whole masks."""
    loss: list[LossSettings] = []
    """The terms of the objective; empty for a floor."""
    floor: str | None = absent()
    """The floor that the method is, if it trains no network."""
    trains_on: str = "training"
    """The part of the split that is annotated and trained on."""
    seed: Count | None = absent()
    """The seed of the run."""


class GitState(Fields):
    """The checkout that the core ran from."""

    commit: str | None
    """Its hash; null outside a checkout."""
    changes: str | None
    """sha256 of uncommitted changes to source; null without any."""


class Machine(Fields):
    """Where a run was computed."""

    system: str = ""
    """The operating system and the kind of processor."""
    python: str = ""
    """The version of Python."""
    processor: str = ""
    """What the processor calls itself."""
    cores: int | None = None
    """Cores of the machine; null where the system does not say."""
    memory_gib: float | None = None
    """Memory in GiB; null where the system does not say."""


class RunError(Fields):
    """Why a run failed."""

    type: str
    """The class of the exception."""
    message: str
    """What the exception says."""
    # A traceback names folders of the machine, which have no place in a file that is published.
    traceback: str | None = absent()
    """Only in the run's own folder."""


class SplitPart(Fields):
    """One part of the split."""

    patches: Count
    """How many patches it has."""
    # Absent and empty differ for these three: runs are compared in what both of them say.
    scenes: Count | None = absent()
    """How many scenes the patches are from."""
    groups: list[str] | None = absent()
    """Names of its groups; empty where single scenes or patches were drawn."""
    digest: str | None = absent()
    """sha256 of the keys of its patches."""
    absent_classes: list[str] = []
    """Classes that no pixel of the training part has; said of that part alone."""


class RecordedParts(Fields):
    """The three parts of the split."""

    train: SplitPart
    """What networks learn from."""
    validation: SplitPart
    """What may choose a network or end its training."""
    test: SplitPart
    """What scores are of."""


class VariationOfProportions(Fields):
    """Total variation distance of given from exact proportions, over units or regions."""

    mean: Share
    """The mean."""
    median: float | None = absent()
    """The median."""
    max: float | None = absent()
    """The largest."""


class Annotation(Fields):
    """What one supervision gave."""

    supervision: Name
    """The name of the supervision."""
    unit: str = ""
    """What was annotated at once: scene or patch."""
    units: Count
    """How many scenes or patches were annotated."""
    labelled_pixels: Count
    """Pixels that it labelled, in every unit that has them."""
    labelled_pixels_by_class: list[Count]
    """[K]: the same of each class."""
    units_without_labels: Count
    """Units in which it labelled no pixel."""
    # Ledgers from before these two were counted lack them, which is not zero.
    present_classes: Count | None = absent()
    """Pairs of a unit and a class that has a label in it."""
    pieces: Count | None = absent()
    """Connected sets (8 neighbours) of labels of one class in a unit."""
    proportion_vectors: Count
    """Those that were annotated, so without shared ones."""
    tag_vectors: Count
    """Those that say for each class whether a patch has it."""
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
    """Patches of the validation part that were annotated together with the training part."""
    labelled_pixels: Count
    """Labelled pixels in them, each counted once."""


class Masks(Fields):
    """Whole masks that selected a network."""

    scenes: Count
    """Scenes with such a mask."""
    patches: Count
    """Patches of these scenes."""
    labelled_pixels: Count
    """Pixels of the masks, each counted once."""


class Ledger(Fields):
    """How much annotation a run used, counted by the core."""

    scenes: Count
    """Scenes in which something was annotated."""
    patches: Count
    """Patches that have the labels."""
    valid_pixels: Count | None = absent()
    """Pixels of the patches that have a true class, each counted once."""
    labelled_pixels: Count
    """Pixels with a label, each counted once, also where patches overlap."""
    labelled_share: Amount
    """Labelled pixels over valid ones."""
    validation: ValidationLabels | None = absent()
    """Where the validation part has weak labels too: its part of the numbers above."""
    # An empty list says that whole masks were used. A ledger without one does not say what was.
    supervisions: list[Annotation] | None = absent()
    """What each supervision gave; empty where whole masks were used instead."""
    selection: Masks | None = absent()
    """Whole masks of the validation part, where these decide which network is reported."""

    @property
    def annotations(self) -> list[Annotation]:
        """What each supervision gave; empty where there was none, or nobody noted it."""
        return self.supervisions or []


class Hardware(Fields):
    """What a run was computed on."""

    device: str
    """cpu, cuda or mps."""
    name: str
    """What the device calls itself."""
    precision: str
    """Precision of the network's forward pass; fp64 of a floor."""
    threads: int | None = absent()
    """Threads of the processor that PyTorch used."""


class Confusion(Fields):
    """Confusion counts of every test image."""

    images: Annotated[list[str], Field(min_length=1)]
    """Keys of the images."""
    groups: list[str]
    """The group of each image: what was kept together by the split."""
    # Lists and no array, so that every number is checked and nothing is changed on the way back.
    counts: list[list[list[Count]]]
    """[images, K, K]: pixels by true class (rows) and predicted class (columns)."""

    @property
    def array(self) -> NDArray[np.int64]:
        """The counts as an array, int64 [images, K, K]."""
        return np.array(self.counts, np.int64)

    @property
    def total(self) -> NDArray[np.int64]:
        """The counts of the whole test set, int64 [K, K]."""
        return np.array(self._summed, np.int64)

    # Kept, since every table asks for it, and it is a sum over up to thousands of images. As lists,
    # because pydantic compares what two values keep as well, and arrays are not equal or unequal.
    @cached_property
    def _summed(self) -> list[list[int]]:
        summed: list[list[int]] = self.array.sum(0).tolist()
        return summed


class StatedScores(Fields):
    """Scores as they were computed when the run ended; `metrics.summary` has all their names.

    Pages compute theirs from the confusion counts. These are for people, and are held against the
    counts when the record is read.
    """

    # A test part without a pixel of these classes has no mean IoU, and its run has a result.
    miou: Annotated[float | None, Field(allow_inf_nan=True)] = None
    """Mean IoU over the classes of `mean_over`, of the counts summed over images."""
    batch_miou: Annotated[float | None, Field(allow_inf_nan=True)] = absent()
    """Averaged over batches of test patches, where the scenario asks for it."""


class BoundaryCounts(Fields):
    """Pixels along the boundaries of classes, [K] each; see `metrics.boundary_iou`."""

    radius: Count
    """In pixels: how far a boundary reaches, and how far apart contours still match."""
    intersection: list[Count]
    """Pixels in both the true and the predicted band along boundaries, and of the class in both."""
    union: list[Count]
    """Pixels in either of the two bands."""
    predicted: list[Count]
    """Pixels of the predicted contour."""
    predicted_matched: list[Count]
    """Those of them with a pixel of the true contour near."""
    true: list[Count]
    """Pixels of the true contour."""
    true_matched: list[Count]
    """Those of them with a pixel of the predicted contour near."""


class ShareError(Fields):
    """How far class shares predicted for a patch are from the true ones."""

    error: Share
    """Total variation distance, the mean over patches."""
    bias: list[float] | None = absent()
    """[K]: predicted minus true share, the mean over patches."""


class ProportionErrors(Fields):
    """Errors of class shares, from predicted classes (hard) and mean probabilities (soft)."""

    patch_size: Count | None = absent()
    """Side of the patches, in pixels: errors are larger in smaller ones."""
    patches: Count | None = absent()
    """How many patches were counted."""
    hard: ShareError | None = absent()
    """Of the shares of predicted classes."""
    soft: ShareError | None = absent()
    """Of mean predicted probabilities; absent where a method gives none."""


class Calibration(Fields):
    """Pixels by the confidence of their prediction; see `metrics.expected_calibration_error`."""

    pixels: list[Count]
    """Pixels of each bin."""
    correct: list[Count]
    """Those of them whose prediction is right."""
    confidence: list[Amount]
    """Their confidence, summed over the pixels of each bin."""
    nll: Amount
    """Summed negative log likelihood, in nats."""


class Details(Fields):
    """What confusion counts do not tell of a test."""

    boundary: BoundaryCounts | None = absent()
    """Along the boundaries of classes."""
    proportions: ProportionErrors | None = absent()
    """Of the class shares of patches."""
    calibration: Calibration | None = absent()
    """Of the probabilities."""


class Epoch(Fields):
    """One pass over the training patches."""

    epoch: Count
    """From 1."""
    loss: float
    """Mean over the steps."""
    terms: dict[str, float] = {}
    """Mean of each loss term, without its weight."""
    learning_rate: float | None = absent()
    """The rate of its last step."""
    # Infinite or NaN is kept, since only here it is a finding and no damage.
    validation: Annotated[float | None, Field(allow_inf_nan=True)] = absent()
    """The validation value after it; a loss on weak labels may overflow."""


class Cost(Fields):
    """Time and memory of a run."""

    prepare_seconds: Amount | None = absent()
    """Until the first training step: patches, split, annotation."""
    train_seconds: Amount | None = absent()
    """Training, with what is computed on the validation part."""
    test_seconds: Amount | None = absent()
    """The test."""
    peak_device_memory_mib: Amount | None = absent()
    """The most memory that was used on the device; absent for a processor."""
    started: str = ""
    """Date and time, UTC."""
    seconds: Amount | None = absent()
    """The whole run."""
    peak_memory_mib: Amount = 0
    """The most memory that the process used; 0 where that is not known."""
    epoch_seconds: list[Amount] = []
    """How long each epoch took."""


class SpentCost(Cost):
    """Time and memory of a run that finished."""

    seconds: Amount
    """The whole run."""


class NetworkScores(Fields):
    """The test of one of a run's networks."""

    confusion: Confusion
    """Confusion counts of every test image."""
    metrics: StatedScores
    """Scores that follow from them."""


class Selection(Fields):
    """Which network is reported, of those that a run tested."""

    rule: str
    """last or best-validation."""
    last_epoch: Count
    """The epoch after which training ended."""
    best_epoch: Count | None = absent()
    """The epoch of the best validation value; absent where there was no validation."""
    best_value: float | None = absent()
    """The best validation value."""
    # Both, though one of them stands in the record as well, so that neither depends on the rule.
    last: NetworkScores | None = absent()
    """The test of the network of the last epoch; absent where there was no validation."""
    best_validation: NetworkScores | None = absent(alias="best-validation")
    """The test of the network of the best validation value."""


class Record(Fields):
    """A planned run of a board, with or without a result.

    Fields stand in the order in which they are written.
    """

    schema_version: Literal[1] = 1
    """The version of this format."""
    key: Key
    """sha256 of everything that can change a number of the run; the name of its folder."""
    scenario: str | None = absent()
    """The name of the scenario."""
    profile: str | None = None
    """The profile of the scenario; null without one."""
    overrides: list[str] | None = absent()
    """What `--set` changed."""
    method: Name
    """The name of the method."""
    seed: Count
    """The seed of everything that is drawn."""
    classes: Annotated[list[RecordedClass], Field(min_length=1)] | None = absent()
    """The classes of the data set, in mask order."""
    mean_over: Annotated[list[str], Field(min_length=1)] | None = absent()
    """Names of the classes that mean scores are over."""
    initialisation: str | None = absent()
    """Where the weights came from."""
    settings: RunSettings | None = absent()
    """The resolved document of the run."""
    packages: dict[str, str] | None = absent()
    """Versions of the packages that can change a number."""
    git: GitState | None = absent()
    """The checkout that the core ran from."""
    machine: Machine | None = absent()
    """Where the run was computed."""
    status: Status
    """ok with a result, failed without one, missing where the run was only planned."""
    error: RunError | None = absent()
    """Why the run failed."""
    split: RecordedParts | None = absent()
    """The three parts of the split."""
    ledger: Ledger | None = absent()
    """How much annotation the run used."""
    hardware: Hardware | None = absent()
    """What the network was trained and tested on."""
    parameters: Count | None = absent()
    """Numbers that the network learns."""
    test_evaluations: dict[str, int] = {}
    """How often each network saw the test part: more than once is refused."""
    selection: Selection | None = absent()
    """Which network is reported; absent for a floor."""
    confusion: Confusion | None = absent()
    """Confusion counts of every test image, by the reported network."""
    metrics: StatedScores = StatedScores()
    """Scores that follow from the confusion counts."""
    details: Details | None = absent()
    """What confusion counts do not tell of the test."""
    history: list[Epoch] = []
    """The epochs in order."""
    cost: Cost = Cost()
    """Time and memory."""
    stale: str | None = absent()
    """Why the record is not that of today's run of the same method and seed, if it is not."""

    @property
    def method_and_seed(self) -> MethodAndSeed:
        """What tells the run apart from others of its board."""
        return self.method, self.seed


class MissingRecord(Record):
    """A run that is planned, and has no record of its own."""

    status: Literal["missing"]
    """A board has such a line for each run that was not made."""


class FailedRecord(Record):
    """A run that failed, with what it had."""

    status: Literal["failed"]
    """The run ended with an error."""
    error: RunError
    """Why the run failed."""


# Below are the fields of `Record` that a result cannot lack, without None.


class FinishedRecord(Record):
    """A run with a result."""

    status: Literal["ok"]
    """The run has a result."""
    classes: Annotated[list[RecordedClass], Field(min_length=1)]
    """The classes of the data set, in mask order."""
    mean_over: Annotated[list[str], Field(min_length=1)]
    """Names of the classes that mean scores are over."""
    initialisation: str
    """Where the weights came from."""
    settings: RunSettings
    """The resolved document of the run."""
    packages: dict[str, str]
    """Versions of the packages that can change a number."""
    split: RecordedParts
    """The three parts of the split."""
    ledger: Ledger
    """How much annotation the run used."""
    hardware: Hardware
    """What the network was trained and tested on."""
    parameters: Count
    """Numbers that the network learns."""
    confusion: Confusion
    """Confusion counts of every test image, by the reported network."""
    metrics: StatedScores
    """Scores that follow from the confusion counts."""
    details: Details = Details()
    """What confusion counts do not tell of the test."""
    cost: SpentCost
    """Time and memory."""

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in mask order."""
        return [recorded.name for recorded in self.classes]

    @property
    def mean_indices(self) -> list[int]:
        """Which classes scores are averaged over."""
        names = self.class_names
        return [names.index(name) for name in self.mean_over]


TYPES: Mapping[str, type[Record]] = {
    "ok": FinishedRecord,
    "failed": FailedRecord,
    "missing": MissingRecord,
}
"""The type of a record by its status."""


def parse_record(value: Any) -> Record:
    """Make a record of JSON.

    Raises:
        ValidationError: of pydantic, where a field is missing, or not of its type.
    """
    status = value.get("status") if isinstance(value, dict) else None
    # What has no such status, or is no record at all, is refused by the general type: it then names
    # the field that is wrong, where a union would name that of every alternative.
    model = TYPES.get(status, Record) if isinstance(status, str) else Record
    return model.model_validate(value)
