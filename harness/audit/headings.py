"""What the heading of a published table's column means: which score, of which class, of which
epoch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Measure = Literal["iou", "f1", "precision", "recall", "accuracy", "share", "majority"]


MEASURES: tuple[Measure, ...] = get_args(Measure)


PHRASES = (
    (r"\b\d+ class(es)?\b", ""),
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
"""How scores are written, and the words below that they come to; applied in this order to
lower-case words between single spaces."""


OTHERS = frozenset(
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


ENDS = frozenset({"low", "lower", "high", "upper"})
"""Last words of columns that hold one end of an interval; first words such as those of `low
vegetation IoU` belong to a class."""


SPREADS = frozenset({"sd", "std", "stdev", "deviation", "standard"})


STAGES = {
    "best": "best",
    "max": "best",
    "maximum": "best",
    "peak": "best",
    "final": "final",
    "last": "final",
    "end": "final",
}


PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


NOISE = frozenset(
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


MEAN_ROWS = frozenset({"mean", "average", "avg", "macro", "overall", "all", "total", "miou", "mf1"})


@dataclass(frozen=True, slots=True)
class Heading:
    """One score. `of` is the class it belongs to, empty for none; of a mean, or of accuracy, `of`
    is what else the heading says."""

    measure: Measure
    of: str = ""
    mean: bool = False
    stage: str = ""
    part: str = ""


def words(text: str) -> str:
    """Lower-case words between single spaces, one space at each end."""
    return " " + " ".join(re.findall(r"[^\W_]+", text.lower())) + " "


def heading(text: str) -> Heading | None:
    """The score that a column's heading names, such as `iou_building`, `building IoU`, `F1 (road)`,
    `best mIoU (%)` or `OA`; else None."""
    if "@" in text or "Δ" in text:
        return None
    tokens = _tokens(text)
    measures = [measure for measure in MEASURES if measure in tokens]
    if len(measures) != 1 or OTHERS & set(tokens) or tokens[-1] in ENDS:
        return None
    measure, mean = measures[0], "mean" in tokens
    if measure == "accuracy" and {"mean", "class"} & set(tokens):
        measure, mean = "recall", True
    stage = next((STAGES[token] for token in tokens if token in STAGES), "")
    part = next((PARTS[token] for token in tokens if token in PARTS), "")
    rest = (token for token in tokens if token not in (*MEASURES, *STAGES, *PARTS, *NOISE))
    return Heading(measure, " ".join(rest), mean, stage, part)


def spread_heading(text: str) -> Heading | None:
    """The score whose standard deviation a column such as `miou_sd` holds; else None."""
    kept = [word for word in words(text).split() if word not in SPREADS]
    return heading(" ".join(kept)) if len(kept) < len(words(text).split()) else None


def class_column(text: str) -> bool:
    """Whether a column names the class that its row is about."""
    return bool(re.fullmatch(r" (class|classes|category|label|land cover)( names?)? ", words(text)))


def mean_row(text: str) -> bool:
    """Whether the row of a table of classes is their mean."""
    return bool(MEAN_ROWS & set(words(text).split())) and len(words(text).split()) <= 2


def titled(title: str) -> Measure | None:
    """The score of each class that a table's title announces, such as "IoU of each class (%)"; else
    None."""
    if not re.search(r" (each class|per class|class wise|classwise|by class) ", words(title)):
        return None
    tokens = _tokens(title)
    measures = [
        measure
        for measure in MEASURES
        if measure in tokens and measure in ("iou", "f1", "precision", "recall")
    ]
    return measures[0] if len(measures) == 1 else None


def _tokens(text: str) -> list[str]:
    found = words({"P": "precision", "R": "recall"}.get(text, text))
    for pattern, replacement in PHRASES:
        found = re.sub(pattern, replacement, found)
    return found.split()
