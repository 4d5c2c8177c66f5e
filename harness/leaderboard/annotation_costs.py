"""What annotation would have taken a person: a ledger's counts times the seconds of a cost model,
which is a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from harness.core.errors import InputError, suggestion
from harness.core.strict_model import StrictModel
from harness.scenario.mistakes import explain
from harness.scenario.yaml_document import Document, DocumentError, Problem, read_document

Ledger = Mapping[str, Any]
"""How much annotation a run used, as its record has it."""

DEFAULTS = Path(__file__).with_name("annotation_costs.yaml")
"""The packaged cost model."""

OWN = "annotation-costs.yaml"
"""Name of the file in the leaderboards' folder that replaces the packaged one."""

MASK = "mask"
"""The kind of whole masks: of methods without a supervision, and of validation against whole
masks."""

Counted = Literal[
    "megapixel",
    "image",
    "unit",
    "absent-class",
    "present-class",
    "pixel",
    "piece",
    "vector",
    "share",
    "tag",
]
"""What a rate can be for; `annotation_costs.yaml` says what each is."""

DRAWN: tuple[Counted, ...] = ("pixel", "piece")
"""What takes a click or a stroke each, in the kinds that have a rate for it."""


class Rate(StrictModel):
    """Seconds for one thing that is counted, and where that number is from."""

    seconds: float = Field(ge=0, description="Seconds for each.")
    trust: Literal["published", "derived", "assumption"] = Field(description="How sure it is.")
    source: str = Field(min_length=1, description="Who measured it, or why it is assumed.")


class CostModel(StrictModel):
    """What each kind of annotation takes, and of which kind each supervision is."""

    kinds: Mapping[str, Mapping[Counted, Rate]]
    """The rates of each kind of annotation, by what is counted."""
    supervisions: Mapping[str, str]
    """The kind of each supervision by its name."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a person does for one supervision, or for whole masks: how often, and how fast."""

    rates: Mapping[Counted, Rate]
    """What each thing takes; the others cost nothing."""
    counts: Mapping[Counted, float]
    """How often each thing was done; older ledgers do not count everything."""


def cost_model(root: Path) -> CostModel:
    """Read the cost model in a leaderboards' folder, or the packaged one where it has none.

    Raises:
        DocumentError: naming file, line and field of every mistake.
        InputError: for a file of nearly that name, which would be ignored.
    """
    path = root / OWN
    if path.exists():
        return _read(path)
    # Nobody would notice that a file with a typing error in its name is not used.
    documents = [file.name for file in root.glob("*") if file.suffix.lower() in (".yaml", ".yml")]
    for name in difflib.get_close_matches(OWN, sorted(documents), n=1, cutoff=0.8):
        raise InputError(
            f"{root / name}: is not read: a cost model is called {OWN}: rename it, or move it"
            " elsewhere"
        )
    return packaged()


# Read once: every board that is made has a cost model, and most have this one.
@cache
def packaged() -> CostModel:
    """Read the cost model that comes with the harness."""
    return _read(DEFAULTS)


def _read(path: Path) -> CostModel:
    document = read_document(path)
    try:
        model = CostModel.model_validate(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        mistakes = [explain(CostModel, detail, document, ()) for detail in details]
        raise DocumentError(mistakes) from error
    problems = _problems(model, document)
    if problems:
        raise DocumentError(problems)
    return model


def _problems(model: CostModel, document: Document) -> list[Problem]:
    """Find names in a cost model that do not fit each other."""
    problems = []
    for name, kind in model.supervisions.items():
        if kind not in model.kinds:
            message = f"no kind {kind!r}. {suggestion(kind, model.kinds)}"
            place = document.place(("supervisions", name))
            problems.append(Problem(place, f"supervisions.{name}", message))
    if MASK not in model.kinds:
        message = f"{MASK} is missing: it is also what dense validation costs"
        problems.append(Problem(document.place(("kinds",)), "kinds", message))
    return problems


def scale(settings: Mapping[str, Any]) -> int:
    """Return the pixels of an image as it came that one pixel of a patch stands for.

    A person draws masks on the image, not on its reduced copy. Images that `patches.resize` brought
    to one size count as they are, since records do not have the size that they had.
    """
    # It is a factor along one side of the image.
    downsample = settings["patches"].get("downsample", 1)
    return int(downsample) ** 2


def annotation_seconds(ledger: Ledger, model: CostModel, area: int = 1) -> float | None:
    """Return what it took to annotate what a ledger counts: training, weak validation, and dense
    validation that selects (`selection_seconds`).

    Args:
        ledger: what was annotated.
        model: what each thing takes.
        area: pixels of an image for each that is counted, see `scale`.

    Returns:
        Seconds; None where the model does not know a supervision, or has a rate for what an older
        ledger did not count.
    """
    training = _training_work(ledger, model)
    if training is None:
        return None
    return _total_seconds(training + _selection_work(ledger, model), area)


def selection_seconds(ledger: Ledger, model: CostModel, area: int = 1) -> float | None:
    """Return what it took to annotate the whole masks of the validation images that decide which
    network is reported, in seconds; 0 where none do. Arguments as above."""
    return _total_seconds(_selection_work(ledger, model), area)


def clicks(ledger: Ledger, model: CostModel) -> int | None:
    """Return how many points, strokes and boxes were drawn, where a kind has a time for each.

    0 for masks, proportions and tags; None where `annotation_seconds` is.
    """
    training = _training_work(ledger, model)
    if training is None:
        return None
    # Those of training alone: masks that select a network are part of the time, not of its clicks.
    total = 0.0
    for work in training:
        for thing in DRAWN:
            if thing in work.rates:
                if thing not in work.counts:
                    return None
                total += work.counts[thing]
    return round(total)


def hidden_knowledge(ledger: Ledger) -> tuple[str, ...]:
    """Return what the annotation gives away beyond its labels, each once: class presence,
    proportions, ..."""
    revealed: list[str] = []
    for entry in ledger.get("supervisions", ()):
        revealed += entry.get("reveals", ())
    return tuple(dict.fromkeys(revealed))


def _total_seconds(works: list[Work], area: int) -> float | None:
    """Add up the seconds of all works; None where something that has a rate was not counted."""
    total = 0.0
    for work in works:
        for thing, rate in work.rates.items():
            if thing not in work.counts:
                return None
            # A mask is drawn on the image before it was made smaller; a point is a point on both.
            repeats = area if thing == "megapixel" else 1
            total += rate.seconds * work.counts[thing] * repeats
    return total


def _training_work(ledger: Ledger, model: CostModel) -> list[Work] | None:
    """Return the work for each supervision, or for whole masks without one; None where the model
    does not know a supervision, or an older ledger does not name them."""
    entries = ledger.get("supervisions")
    if entries is None:
        return None
    if not entries:
        return [Work(model.kinds[MASK], _counts_of_masks(ledger))]
    if any(entry["supervision"] not in model.supervisions for entry in entries):
        return None
    works = []
    for entry in entries:
        kind = model.supervisions[entry["supervision"]]
        works.append(Work(model.kinds[kind], _counts_of_supervision(entry, ledger)))
    return works


def _selection_work(ledger: Ledger, model: CostModel) -> list[Work]:
    if "selection" not in ledger:
        return []
    return [Work(model.kinds[MASK], _counts_of_masks(ledger["selection"]))]


def _counts_of_supervision(entry: Mapping[str, Any], ledger: Ledger) -> dict[Counted, float]:
    """Return what a ledger counts of one supervision."""
    pixels_by_class = entry["labelled_pixels_by_class"]
    classes = len(pixels_by_class)
    labelled_units = entry["units"] - entry["units_without_labels"]
    present = entry.get("present_classes", _guess_present(pixels_by_class, labelled_units))
    counts: dict[Counted, float] = {
        # Overlapping patches repeat pixels of a mask that a person draws once.
        "megapixel": min(entry["labelled_pixels"], ledger["labelled_pixels"]) / 1e6,
        "image": ledger["scenes"],
        "unit": entry["units"],
        "absent-class": labelled_units * classes - present,
        "present-class": present,
        "pixel": entry["labelled_pixels"],
        "vector": entry["proportion_vectors"],
        "share": entry["proportion_vectors"] * classes,
        "tag": entry["tag_vectors"] * classes,
    }
    # Older ledgers do not have it, and it cannot be guessed.
    if "pieces" in entry:
        counts["piece"] = entry["pieces"]
    return counts


def _guess_present(pixels_by_class: list[int], labelled_units: int) -> int:
    """Guess in how many units the classes were, added up, for ledgers that did not count that: each
    in as many units as it has labels, or in all."""
    return sum(min(labelled_units, pixels) for pixels in pixels_by_class)


def _counts_of_masks(masks: Mapping[str, Any]) -> dict[Counted, float]:
    """Return what is counted of whole masks that no supervision gave."""
    return {
        "megapixel": masks["labelled_pixels"] / 1e6,
        "image": masks["scenes"],
        "unit": masks["patches"],
        "pixel": masks["labelled_pixels"],
    }
