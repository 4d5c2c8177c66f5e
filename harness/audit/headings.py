"""Read from the heading of a published table's column which score it holds: of which class, of
which epoch and of which part of the data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Measure = Literal["iou", "f1", "precision", "recall", "accuracy", "share", "majority"]


MEASURES: tuple[Measure, ...] = get_args(Measure)


CLASS_MEASURES: tuple[Measure, ...] = ("iou", "f1", "precision", "recall")
"""The scores that each class has; the others describe all pixels, or the truth alone."""


# The order matters, since each replacement sees what those above it left: "average precision" has
# to go before "average" becomes "mean".
PHRASES = (
    (r"\b\d+ class(es)?\b", ""),
    # The average precision of object detection is no score of pixels, although it says "precision".
    (r"\b(average precision|m?ap\d*)\b", "unknown"),
    (r"\b(overall|pixel|global|total) acc(uracy)?\b|\b(oa|aacc)\b", "accuracy"),
    (r"\b(intersection over union|jaccard( (index|score|coefficient))?|iu)\b", "iou"),
    (r"\b(mean|m) ?(iou|jaccard|iu)\b", "mean iou"),
    (r"\bm(f1|dice|precision|recall|accuracy|acc)\b", r"mean \1"),
    (
        (
            r"\b(f ?1( (score|measure))?|f (score|measure)|dice( (score|coefficient|similarity"
            r" coefficient))?|dsc)\b"
        ),
        "f1",
    ),
    (r"\buser s? ?accuracy\b|\bprec\b", "precision"),
    (r"\bproducer s? ?accuracy\b|\b(rec|sensitivity)\b", "recall"),
    (r"\b(macro averaged|average|averaged|avg|macro)\b", "mean"),
    (r"\bacc\b", "accuracy"),
    (r"\b(frequency|class frequency|class share)\b", "share"),
    (r"\bmajority( class)?( share)?\b", "majority"),
)
"""How scores are written, and the words of `MEASURES` that replace them, in lower-case text with
single spaces."""


NOT_SCORES = frozenset(
    {
        "unknown",
        "difference",
        "diff",
        "delta",
        "gain",
        "improvement",
        "drop",
        "gap",
        "vs",
        "versus",
        "sd",
        "std",
        "stdev",
        "deviation",
        "variance",
        "error",
        "loss",
        "per",
        "published",
        "reproduced",
        "rank",
        "relative",
        "ratio",
        "reference",
        "change",
        "weighted",
        "micro",
        "boundary",
        "contour",
        "edge",
        "object",
        "instance",
        "panoptic",
        "threshold",
        "ci",
        "interval",
        "time",
    }
)
"""Words of columns that are about a score, but do not hold it."""


INTERVAL_ENDS = frozenset({"low", "lower", "high", "upper"})
"""Last words of columns that hold one end of an interval; first words such as those of `low
vegetation IoU` belong to a class."""


SPREADS = frozenset({"sd", "std", "stdev", "deviation", "standard"})
"""Words of columns that hold the standard deviation of a score."""


STAGES = {
    "best": "best",
    "max": "best",
    "maximum": "best",
    "peak": "best",
    "final": "final",
    "last": "final",
    "end": "final",
}
"""The epoch of a score, by the word that names it."""


DATA_PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""The part of the data that a score is of, by the word that names it."""


FILLERS = frozenset(
    {
        "mean",
        "score",
        "index",
        "percent",
        "of",
        "the",
        "on",
        "for",
        "in",
        "set",
        "overall",
        "all",
        "pp",
        "class",
        "classes",
    }
)
"""Words beside a score that do not name a class."""


MEAN_ROWS = frozenset({"mean", "average", "avg", "macro", "overall", "all", "total", "miou", "mf1"})
"""Words that name the mean in a table that has a row for each class."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Which score a column holds."""

    measure: Measure

    subject: str = ""
    """The class that the score belongs to, empty for none. Of a mean or an accuracy: whatever else
    the heading says."""

    mean: bool = False
    """Whether it is a mean over classes."""

    stage: str = ""
    """Which epoch: best, final, or empty where the heading does not say."""

    data_part: str = ""
    """Which part of the data: train, val, test, or empty where the heading does not say."""


def read_heading(text: str) -> Heading | None:
    """Read the score that a column's heading names; None where it names no single score.

    Understood are, for example, `iou_building`, `building IoU`, `F1 (road)`, `best mIoU (%)`, `OA`.
    """
    # "AP @ 0.5" has a threshold of its own, and "Δ IoU" is a difference.
    if "@" in text or "Δ" in text:
        return None
    tokens = _tokens(text)
    measures = [measure for measure in MEASURES if measure in tokens]
    if len(measures) != 1:
        return None
    if tokens[-1] in INTERVAL_ENDS or not NOT_SCORES.isdisjoint(tokens):
        return None
    measure = measures[0]
    mean = "mean" in tokens
    # The "mean accuracy" of papers is the mean of the classes' accuracies, which are recalls.
    if measure == "accuracy" and ("mean" in tokens or "class" in tokens):
        measure = "recall"
        mean = True
    return Heading(
        measure=measure,
        subject=" ".join(token for token in tokens if _is_subject(token)),
        mean=mean,
        stage=_first_meaning(tokens, STAGES),
        data_part=_first_meaning(tokens, DATA_PARTS),
    )


def read_spread_heading(text: str) -> Heading | None:
    """Read the score whose standard deviation a column such as `miou_sd` holds; else None."""
    words = split_words(text)
    others = [word for word in words if word not in SPREADS]
    if len(others) == len(words):
        return None
    return read_heading(" ".join(others))


def read_title(title: str) -> Measure | None:
    """Read the score of each class that a table's title announces; else None.

    An example is "IoU of each class (%)".
    """
    if not re.search(r" (each class|per class|class wise|classwise|by class) ", _spaced(title)):
        return None
    tokens = _tokens(title)
    measures = [measure for measure in CLASS_MEASURES if measure in tokens]
    if len(measures) != 1:
        return None
    return measures[0]


def names_classes(text: str) -> bool:
    """Tell whether a column with this heading names the class that each row is about."""
    pattern = r" (class|classes|category|label|land cover)( names?)? "
    return re.fullmatch(pattern, _spaced(text)) is not None


def is_mean_row(text: str) -> bool:
    """Tell whether a text in the place of a class's name stands for the mean over classes."""
    words = split_words(text)
    # Longer texts, such as "all roads and paths", are names of classes.
    return len(words) <= 2 and not MEAN_ROWS.isdisjoint(words)


def split_words(text: str) -> list[str]:
    """Split a text into its lower-case words, without signs and underscores."""
    return re.findall(r"[^\W_]+", text.lower())


def _spaced(text: str) -> str:
    """Write the words of a text with one space between them and at each end."""
    return f" {' '.join(split_words(text))} "


def _tokens(text: str) -> list[str]:
    """Split a heading into words, with every way to write a score replaced by its measure."""
    # A single capital letter is precision or recall; the same letter within a heading is not.
    abbreviations = {"P": "precision", "R": "recall"}
    spaced = _spaced(abbreviations.get(text, text))
    for pattern, replacement in PHRASES:
        spaced = re.sub(pattern, replacement, spaced)
    return spaced.split()


def _is_subject(token: str) -> bool:
    """Tell whether a word of a heading belongs to the name of a class."""
    other_meanings = (*MEASURES, *STAGES, *DATA_PARTS, *FILLERS)
    return token not in other_meanings


def _first_meaning(tokens: list[str], meanings: dict[str, str]) -> str:
    """Look up the first word that has a meaning; empty where none has."""
    for token in tokens:
        if token in meanings:
            return meanings[token]
    return ""
