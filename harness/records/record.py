"""The fields of a records file that leaderboards read, and their types: its first line (`Header`),
and a line per run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=10**15)]


Amount = Annotated[float, Field(ge=0)]


Name = Annotated[str, Field(min_length=1)]


Absent = Field(default=None)  # may be absent, though not null


# it names a folder, and must not lead out of the one of runs
Key = Annotated[str, Field(pattern=r"^[^/\\.]+$")]


class _Part(BaseModel):
    """Fields that are read; others are kept and not looked at, for they are newer, or for
    people."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class _Error(_Part):
    type: str
    message: str


class _PartOfSplit(_Part):
    patches: Count
    scenes: Count = 0
    groups: list[str] = []
    digest: str = ""
    absent_classes: list[str] = []


class _Split(_Part):
    train: _PartOfSplit
    validation: _PartOfSplit
    test: _PartOfSplit


class _Named(_Part):
    name: Name


class _Settings(_Part):
    protocol: int
    dataset: _Named
    model: _Named
    patches: dict[str, Any]
    split: dict[str, Any]
    training: dict[str, Any]
    supervision: list[_Named] = []
    loss: list[_Named] = []
    floor: str | None = None
    trains_on: str = "training"


class _Spent(_Part):
    seconds: Amount = 0
    peak_memory_mib: Amount = 0
    started: str = ""


class Planned(_Part):
    """A run, with or without a result: what pages read of any."""

    status: Literal["ok", "failed", "missing"]
    key: Key
    method: Name
    seed: Count
    schema_version: Literal[1] = 1
    settings: Annotated[_Settings, Absent]
    split: Annotated[_Split, Absent]
    metrics: dict[str, Any] = {}
    cost: _Spent = _Spent()


class Failed(Planned):
    """A run that failed, with what it had."""

    error: _Error


class _Class(_Part):
    name: Name
    color: Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=3, max_length=3)]


class _Confusion(_Part):
    images: Annotated[list[str], Field(min_length=1)]
    groups: list[str]
    counts: list[list[list[Count]]]


class _Variation(_Part):
    mean: Annotated[float, Field(ge=0, le=1)]


class _Annotated(_Part):
    supervision: Name
    units: Count
    units_without_labels: Count
    labelled_pixels: Count
    labelled_pixels_by_class: list[Count]
    proportion_vectors: Count
    tag_vectors: Count
    present_classes: Count = 0
    pieces: Count = 0
    reveals: list[str] = []
    total_variation: Annotated[_Variation, Absent]


class _Masks(_Part):
    scenes: Count
    patches: Count
    labelled_pixels: Count


class _Ledger(_Masks):
    labelled_share: Amount
    valid_pixels: Annotated[Count, Absent]
    supervisions: list[_Annotated] = []
    selection: Annotated[_Masks, Absent]


class _Cost(_Spent):
    seconds: Amount


class _Hardware(_Part):
    device: str
    name: str
    precision: str


class _Boundary(_Part):
    radius: Count
    intersection: list[Count]
    union: list[Count]
    predicted: list[Count]
    predicted_matched: list[Count]
    true: list[Count]
    true_matched: list[Count]


class _Shares(_Part):
    error: Annotated[float, Field(ge=0, le=1)]


class _Proportions(_Part):
    hard: Annotated[_Shares, Absent]
    soft: Annotated[_Shares, Absent]


class _Calibration(_Part):
    pixels: list[Count]
    correct: list[Count]
    confidence: list[Amount]
    nll: Amount


class _Details(_Part):
    boundary: Annotated[_Boundary, Absent]
    proportions: Annotated[_Proportions, Absent]
    calibration: Annotated[_Calibration, Absent]


class _Epoch(_Part):
    epoch: Count
    loss: float
    # a loss on weak labels may overflow
    validation: Annotated[float, Field(allow_inf_nan=True), Absent]


class _Git(_Part):
    commit: str | None
    changes: str | None


class Finished(Planned):
    """A run with a result."""

    classes: Annotated[list[_Class], Field(min_length=1)]
    mean_over: Annotated[list[str], Field(min_length=1)]
    initialisation: str
    settings: _Settings
    packages: dict[str, str]
    split: _Split
    ledger: _Ledger
    hardware: _Hardware
    parameters: Count
    confusion: _Confusion
    metrics: dict[str, Any]
    cost: _Cost
    test_evaluations: dict[str, int] = {}
    details: Annotated[_Details, Absent]
    stale: Annotated[str, Absent]  # why the record is not that of today's run
    history: list[_Epoch] = []
    git: Annotated[_Git, Absent]
