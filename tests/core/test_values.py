"""The small values and words of the core."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field, ValidationError

from harness.core.components import Model, NotInKey
from harness.core.errors import InputError, dotted, suggestion
from harness.core.paths import cache_root, check_writable
from harness.core.randomness import stream, stream_seed
from harness.core.strict_model import StrictModel
from harness.core.values import IGNORE, Sample, WeakLabel


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("point", ["points", "full"], "Did you mean 'points'? Known: full, points."),
        ("entropy", ["cross-entropy", "dice"], "Did you mean 'cross-entropy'? Known:"),
        ("ful", ["full"], "Did you mean 'full'? Known: full."),
        ("xyz", ["full"], "Known: full."),
        ("", ["full"], "Known: full."),
        ("a", [], "Known: none."),
        ("a", [f"b{number:02}" for number in range(21)], "21 are known, such as b00, b01, b02."),
        (
            "b1",
            [f"b{number:02}" for number in range(21)],
            "Did you mean 'b10' or 'b11' or 'b12'? 21 are known, such as b00, b01, b02.",
        ),
    ],
)
def test_a_suggestion_names_what_may_have_been_meant(
    name: str, known: list[str], expected: str
) -> None:
    assert suggestion(name, known).startswith(expected)


def test_a_path_is_written_with_dots() -> None:
    assert dotted(("methods", "full", "loss", 0)) == "methods.full.loss.0"


def test_random_streams_are_the_same_for_ever() -> None:
    """Literal values: every recorded result was drawn with them."""
    assert stream_seed(0, "split") == 7513099422798262727
    assert stream_seed(3, "supervision", "a@0,0") == 3729345419845615594
    assert stream(0, "split").integers(0, 1000, 3).tolist() == [631, 819, 842]


class Strict(StrictModel):
    """Fields of several types."""

    count: int | None = None
    share: float = 0.5
    flag: bool = False
    either: int | bool = 0


def test_a_yes_is_no_number() -> None:
    assert Strict.model_validate({"count": 3, "share": 1, "flag": True, "either": True}).flag
    for field in ("count", "share"):
        with pytest.raises(ValidationError, match="write a number, not yes or no"):
            Strict.model_validate({field: True})
    with pytest.raises(ValidationError, match="finite"):
        Strict.model_validate({"share": float("inf")})
    with pytest.raises(ValidationError, match="Extra inputs"):
        Strict.model_validate({"shares": 1})


class Located(Model):
    """A model with a place."""

    name: ClassVar[str] = "located"
    weights: str = Field("", json_schema_extra=NotInKey)
    width: int = 3

    def build(self, channels: int, classes: int) -> None:  # type: ignore[override]
        raise NotImplementedError


def test_a_place_is_not_part_of_an_identity() -> None:
    model = Located(weights="here")
    assert model.settings() == {"name": "located", "weights": "here", "width": 3}
    assert model.identity() == {"name": "located", "width": 3}


def test_shares_of_regions() -> None:
    mask = np.array([[0, 1, IGNORE], [1, 1, 0]], np.uint8)
    sample = Sample("a", np.zeros((2, 3, 3), np.uint8), mask, classes=2)
    assert sample.shares().tolist() == [[2 / 5, 3 / 5]]
    regions = np.array([[0, 0, 1], [0, IGNORE, 2]], np.uint8)
    # Region 1 has an ignored pixel alone, and region 2 is left out by a count of 2.
    assert sample.shares(regions, 2).tolist() == [[1 / 3, 2 / 3], [0, 0]]


def test_weak_labels_complete_each_other() -> None:
    points = WeakLabel(labels=np.array([[1, IGNORE]], np.uint8))
    boxes = WeakLabel(labels=np.array([[0, 0]], np.uint8), tags=np.array([True, False]))
    shares = WeakLabel(
        proportions=np.array([[0.5, 0.5]], np.float32),
        regions=np.zeros((1, 2), np.uint8),
        shared=True,
    )
    merged = points.merged(boxes).merged(shares)
    assert merged.labels is not None
    assert merged.labels.tolist() == [[1, 0]]
    assert merged.tags is boxes.tags
    assert merged.regions is shares.regions
    assert merged.shared
    assert merged.annotated
    assert not shares.annotated
    with pytest.raises(InputError, match="both provide proportions"):
        shares.merged(shares)
    with pytest.raises(InputError, match="both provide tags"):
        boxes.merged(boxes)


def test_a_place_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "absent" / "runs"))
    check_writable("RUNS")
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("HARNESS_CACHE", str(file / "cache"))
    with pytest.raises(InputError, match=r"file: is not a folder: set HARNESS_CACHE \(now .*file"):
        check_writable("RUNS", "CACHE")
    monkeypatch.delenv("HARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "weakseg-harness"
