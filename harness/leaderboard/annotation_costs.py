"""What annotation would have taken a person: a ledger's counts times the seconds of a cost model,
which is a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from harness.core.errors import InputError, suggestion
from harness.core.strict_model import Frozen
from harness.scenario.mistakes import explain
from harness.scenario.yaml_document import DocumentError, Problem, read_document

DEFAULTS = Path(__file__).with_name("annotation_costs.yaml")


OWN = "annotation-costs.yaml"
"""Name of the file in the leaderboards' folder that replaces the packaged one."""


MASK = "mask"
"""The kind of whole masks: of methods without a supervision, and of validation against whole masks.


"""


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


BY_HAND = ("pixel", "piece")
"""What a click or stroke of its own is needed for, where a kind has a time for it."""


class Rate(Frozen):
    """Seconds for one thing that is counted, and where that number is from."""

    seconds: float = Field(ge=0, description="Seconds for each.")
    trust: Literal["published", "derived", "assumption"] = Field(description="How sure it is.")
    source: str = Field(min_length=1, description="Who measured it, or why it is assumed.")


class CostModel(Frozen):
    """Rates by kind of annotation and by what is counted, and the kind of each supervision by
    name."""

    kinds: Mapping[str, Mapping[Counted, Rate]]
    supervisions: Mapping[str, str]


def cost_model(root: Path) -> CostModel:
    """The cost model in a leaderboards' folder, or the packaged one where it has none.

    Raises DocumentError naming file, line and field of every mistake, InputError for a file of
    nearly that name, which would be ignored.
    """
    own = root / OWN
    if own.exists():
        return _read(own)
    named = [path.name for path in root.glob("*") if path.suffix.lower() in (".yaml", ".yml")]
    for near in difflib.get_close_matches(OWN, sorted(named), n=1, cutoff=0.8):
        raise InputError(
            f"{root / near}: is not read: a cost model is called {OWN}: rename it, or move it"
            " elsewhere"
        )
    return packaged()


@cache
def packaged() -> CostModel:
    """The cost model that comes with the harness."""
    return _read(DEFAULTS)


def _read(path: Path) -> CostModel:
    document = read_document(path)
    try:
        model = CostModel.model_validate(document.value)
    except ValidationError as error:
        raise DocumentError(
            [
                explain(CostModel, details, document, ())
                for details in error.errors(include_url=False)
            ]
        ) from error
    problems = [
        Problem(
            document.place(("supervisions", name)),
            f"supervisions.{name}",
            f"no kind {kind!r}. {suggestion(kind, model.kinds)}",
        )
        for name, kind in model.supervisions.items()
        if kind not in model.kinds
    ]
    if MASK not in model.kinds:
        problems.append(
            Problem(
                document.place(("kinds",)),
                "kinds",
                f"{MASK} is missing: it is also what dense validation costs",
            )
        )
    if problems:
        raise DocumentError(problems)
    return model


def scale(settings: Mapping[str, Any]) -> int:
    """The pixels of an image as it came that one pixel of a patch stands for: a person draws masks
    on the image, not on its reduced copy.

    Images that `patches.resize` brought to one size count as they are, since records do not have
    the size that they had.
    """
    return int(settings["patches"].get("downsample", 1)) ** 2


def annotation_seconds(ledger: Mapping[str, Any], model: CostModel, area: int = 1) -> float | None:
    """Seconds to annotate what a ledger counts: training, weak validation, and dense validation
    that selects (`selection_seconds`).

    area: pixels of an image for each that is counted (`scale`). None where the model does not know
    a supervision, or has a rate for what an older ledger did not count.
    """
    parts = _parts(ledger, model)
    return None if parts is None else _total(parts + _selection(ledger, model), area)


def selection_seconds(ledger: Mapping[str, Any], model: CostModel, area: int = 1) -> float | None:
    """Seconds for the whole masks of the validation images that decide which network is reported; 0
    where none do."""
    return _total(_selection(ledger, model), area)


def clicks(ledger: Mapping[str, Any], model: CostModel) -> int | None:
    """Points, strokes and boxes drawn, where a kind has a time for each; 0 for masks, proportions
    and tags. None as above."""
    parts = _parts(ledger, model)
    if parts is None:
        return None
    made = [counts.get(per) for rates, counts in parts for per in rates if per in BY_HAND]
    known = [number for number in made if number is not None]
    return round(sum(known)) if len(known) == len(made) else None


def hidden_knowledge(ledger: Mapping[str, Any]) -> tuple[str, ...]:
    """What the annotation gives away beyond its labels, each once: class presence, proportions,
    ..."""
    entries = ledger.get("supervisions", ())
    return tuple(
        dict.fromkeys(knowledge for entry in entries for knowledge in entry.get("reveals", ()))
    )


Part = tuple[Mapping[Counted, Rate], Mapping[Counted, float]]
"""The rates of a kind, and how often each thing was counted."""


def _total(parts: list[Part], area: int) -> float | None:
    if any(per not in counts for rates, counts in parts for per in rates):
        return None
    return sum(
        rate.seconds * counts[per] * (area if per == "megapixel" else 1)
        for rates, counts in parts
        for per, rate in rates.items()
    )


def _parts(ledger: Mapping[str, Any], model: CostModel) -> list[Part] | None:
    """The rates and counts of each supervision, or of whole masks without one; None where one has
    no rates."""
    entries = ledger.get("supervisions")
    if entries is None or any(entry["supervision"] not in model.supervisions for entry in entries):
        return None
    if not entries:
        return [(model.kinds[MASK], _of_masks(ledger))]
    return [
        (model.kinds[model.supervisions[entry["supervision"]]], _counts(entry, ledger))
        for entry in entries
    ]


def _selection(ledger: Mapping[str, Any], model: CostModel) -> list[Part]:
    return [(model.kinds[MASK], _of_masks(ledger["selection"]))] if "selection" in ledger else []


def _counts(entry: Mapping[str, Any], ledger: Mapping[str, Any]) -> dict[Counted, float]:
    """What a ledger counts of one supervision.

    Older entries lack the classes present in each unit: there a class is taken to be in as many
    units as it has labels, or in all.
    """
    by_class, labelled = (
        entry["labelled_pixels_by_class"],
        entry["units"] - entry["units_without_labels"],
    )
    present = entry.get("present_classes", sum(min(labelled, pixels) for pixels in by_class))
    counts: dict[Counted, float] = {
        "megapixel": min(entry["labelled_pixels"], ledger["labelled_pixels"]) / 1e6,
        "image": ledger["scenes"],
        "unit": entry["units"],
        "absent-class": labelled * len(by_class) - present,
        "present-class": present,
        "pixel": entry["labelled_pixels"],
        "vector": entry["proportion_vectors"],
        "share": entry["proportion_vectors"] * len(by_class),
        "tag": entry["tag_vectors"] * len(by_class),
    }
    return counts | ({"piece": entry["pieces"]} if "pieces" in entry else {})


def _of_masks(counted: Mapping[str, Any]) -> dict[Counted, float]:
    """What is counted of whole masks that no supervision gave."""
    return {
        "megapixel": counted["labelled_pixels"] / 1e6,
        "image": counted["scenes"],
        "unit": counted["patches"],
        "pixel": counted["labelled_pixels"],
    }
