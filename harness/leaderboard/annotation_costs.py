"""What annotation would have taken a person: a ledger's counts times the seconds of a cost model,
which is a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from harness.core.errors import InputError, suggestion
from harness.core.strict_model import StrictModel
from harness.core.validation import list_mistakes
from harness.records.record import Annotation, Ledger, Masks, RunSettings
from harness.scenario.mistakes import explain
from harness.scenario.yaml_document import Document, DocumentError, Problem, read_document

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
    documents = []
    for file in sorted(root.glob("*")):
        if file.suffix.lower() in (".yaml", ".yml"):
            documents.append(file.name)
    for name in difflib.get_close_matches(OWN, documents, n=1, cutoff=0.8):
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
        mistakes = []
        for mistake in list_mistakes(error):
            mistakes.append(explain(CostModel, mistake, document, ()))
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
            hint = suggestion(kind, model.kinds)
            message = f"no kind {kind!r}. {hint}"
            place = document.place(("supervisions", name))
            problems.append(Problem(place, f"supervisions.{name}", message))
    if MASK not in model.kinds:
        message = f"{MASK} is missing: it is also what dense validation costs"
        place = document.place(("kinds",))
        problems.append(Problem(place, "kinds", message))
    return problems


def pixel_area(settings: RunSettings) -> int:
    """Return how many pixels of an image as it came one pixel of a patch stands for.

    A person draws masks on the image, not on its reduced copy. Images that `patches.resize` brought
    to one size count as they are, since records do not have the size that they had.
    """
    # The factor is along one side of the image.
    return settings.patches.downsample**2


def annotation_seconds(ledger: Ledger, model: CostModel, area: int = 1) -> float | None:
    """Return what it took to annotate what a ledger counts: training, weak validation, and dense
    validation that selects (`selection_seconds`).

    Args:
        ledger: what was annotated.
        model: what each thing takes.
        area: pixels of an image for each that is counted, see `pixel_area`.

    Returns:
        Seconds; None where the model does not know a supervision, or has a rate for what an older
        ledger did not count.
    """
    training = _training_work(ledger, model)
    if training is None:
        return None
    return _total_seconds(training + _selection_work(ledger, model), area)


def selection_seconds(ledger: Ledger, model: CostModel, area: int = 1) -> float | None:
    """Return what it took to annotate the whole masks that decide which network is reported.

    Args:
        ledger: what was annotated.
        model: what each thing takes.
        area: pixels of an image for each that is counted, see `pixel_area`.

    Returns:
        Seconds; 0 where no masks decide.
    """
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
    """Return what the annotation gives away beyond its labels, such as class presence."""
    revealed: list[str] = []
    for annotation in ledger.annotations:
        revealed += annotation.reveals
    # Each once. A dictionary keeps the order, which a set does not.
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
    if ledger.supervisions is None:
        return None
    # No supervision at all: a floor that is fitted on whole masks.
    if not ledger.supervisions:
        return [Work(model.kinds[MASK], _counts_of_masks(ledger))]
    works = []
    for annotation in ledger.supervisions:
        if annotation.supervision not in model.supervisions:
            return None
        kind = model.supervisions[annotation.supervision]
        counts = _counts_of_supervision(annotation, ledger)
        works.append(Work(model.kinds[kind], counts))
    return works


def _selection_work(ledger: Ledger, model: CostModel) -> list[Work]:
    if ledger.selection is None:
        return []
    return [Work(model.kinds[MASK], _counts_of_masks(ledger.selection))]


def _counts_of_supervision(annotation: Annotation, ledger: Ledger) -> dict[Counted, float]:
    """Return what a ledger counts of one supervision."""
    classes = len(annotation.labelled_pixels_by_class)
    labelled_units = annotation.units - annotation.units_without_labels
    present = annotation.present_classes
    if present is None:
        present = _guess_present(annotation.labelled_pixels_by_class, labelled_units)
    counts: dict[Counted, float] = {
        # Overlapping patches repeat pixels of a mask that a person draws once.
        "megapixel": min(annotation.labelled_pixels, ledger.labelled_pixels) / 1e6,
        "image": ledger.scenes,
        "unit": annotation.units,
        "absent-class": labelled_units * classes - present,
        "present-class": present,
        "pixel": annotation.labelled_pixels,
        "vector": annotation.proportion_vectors,
        "share": annotation.proportion_vectors * classes,
        "tag": annotation.tag_vectors * classes,
    }
    # Older ledgers do not have it, and it cannot be guessed.
    if annotation.pieces is not None:
        counts["piece"] = annotation.pieces
    return counts


def _guess_present(pixels_by_class: list[int], labelled_units: int) -> int:
    """Guess in how many units the classes were, added up, for ledgers that did not count that."""
    # A class has a label in each unit that it is in: it is in no more units than it has labels.
    return sum(min(labelled_units, pixels) for pixels in pixels_by_class)


def _counts_of_masks(masks: Ledger | Masks) -> dict[Counted, float]:
    """Return what is counted of whole masks that no supervision gave."""
    return {
        "megapixel": masks.labelled_pixels / 1e6,
        "image": masks.scenes,
        "unit": masks.patches,
        "pixel": masks.labelled_pixels,
    }
