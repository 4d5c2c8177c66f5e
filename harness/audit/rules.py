"""The comparisons that the scores of one row allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, cast

from harness.audit import relations
from harness.audit.headings import Heading, Measure
from harness.audit.relations import ANYTHING, Range, meet
from harness.audit.rows import Case, Entry

Level = Literal["impossible", "below a constant", "note"]


Scores = Mapping[Heading, Entry]


@dataclass(frozen=True, slots=True)
class Options:
    """What a table does not say itself. majority: share of the commonest class. classes: how many
    there are, also unlisted ones.

    averaged: all scores are means over runs or images. per_class: the score in columns named after
    classes alone. separate: tables of one file are of different data.
    """

    majority: float | None = None
    classes: int | None = None
    averaged: bool = False
    per_class: Measure | None = None
    separate: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: `entry` must lie in what `relation` makes of the others' ranges."""

    entry: Entry
    others: tuple[Entry, ...]
    relation: Callable[..., Range]
    rule: str
    level: Level = "impossible"
    remark: str = ""


def checks(row: Case, options: Options) -> Iterator[Check]:
    """All comparisons of a row, but those of means over classes, which `means` gives."""
    scores = loosened(row, options)
    for like in dict.fromkeys(replace(key, measure="iou") for key in scores):
        yield from _of_one(scores, like)
        f1, iou = (row.scores.get(replace(like, measure=measure)) for measure in ("f1", "iou"))
        bare = not like.subject and not like.mean and not options.averaged
        if (
            bare
            and f1
            and iou
            and meet(iou.range, relations.iou_of_f1(scores[replace(like, measure="f1")].range))
        ):
            remark = "they may be means over classes, images or runs"
            yield Check(
                iou,
                (f1,),
                relations.iou_of_f1,
                "IoU = F1 / (2 - F1) for a single class",
                "note",
                remark,
            )
    complete = not options.classes or options.classes <= len(classes(scores))
    for known, accuracy in scores.items():
        if known.measure == "accuracy" and not known.subject and complete:
            yield from _of_accuracy(scores, known, accuracy)
    majority = _majority(scores, options)
    if majority:
        yield from _of_constant(scores, majority, options.classes or len(classes(scores)))


def _of_one(scores: Scores, like: Heading) -> Iterator[Check]:
    """What scores of the same class, or the same mean, say about each other."""
    f1, iou, precision, recall = (
        scores.get(replace(like, measure=name))
        for name in _measures("f1", "iou", "precision", "recall")
    )
    if f1 and iou:
        yield Check(
            iou,
            (f1,),
            relations.iou_of_f1,
            "IoU = F1 / (2 - F1)" + (" or more, at most F1, for means" if f1.range.sd else ""),
        )
    given = tuple(filter(None, (precision, recall)))
    for entry, relation, rule in (
        (f1, relations.f1_of, "F1 is the harmonic mean of precision and recall"),
        (iou, relations.iou_of, "1 / IoU = 1 / precision + 1 / recall - 1"),
    ):
        if entry and len(given) == 2:
            yield Check(entry, given, relation, rule)
        elif entry and given:
            yield Check(
                entry,
                given,
                partial(relation, ANYTHING),
                f"{rule}; the one that is not given is at most 1",
            )
    for name in _measures("iou", "f1", "accuracy"):
        best, final = (
            scores.get(replace(like, measure=name)),
            scores.get(replace(like, measure=name, stage="final")),
        )
        if like.stage == "best" and best and final:
            yield Check(
                best,
                (final,),
                relations.at_least,
                "the best epoch is at least as good as the final one",
            )


def _of_accuracy(scores: Scores, known: Heading, accuracy: Entry) -> Iterator[Check]:
    """What the scores of all classes say about the accuracy."""
    names = classes(scores, known)
    f1 = tuple(filter(None, (derived(scores, "f1", name, known) for name in names)))
    if len(f1) == len(names) == 2:
        yield Check(
            accuracy,
            f1,
            relations.accuracy_of_two,
            "of two classes, 1 - accuracy is the harmonic mean of 1 - F1 of both",
        )
    elif len(f1) == len(names) > 2:
        yield Check(
            accuracy,
            f1,
            _listed(relations.accuracy_between),
            "accuracy lies between the least and the largest F1 of all classes",
        )
    pairs = [
        (
            scores.get(replace(known, measure="recall", subject=name)),
            scores.get(Heading("share", name)),
        )
        for name in names
    ]
    recalls, shares = (
        (tuple(filter(None, each)) for each in zip(*pairs, strict=True)) if pairs else ((), ())
    )
    if len(recalls) == len(shares) == len(names) > 1 and meet(_total(shares), Range(1.0, 1.0)):
        yield Check(
            accuracy,
            recalls + shares,
            _weighted,
            "accuracy is the mean of the classes' recalls, weighted by their shares",
        )


def _of_constant(scores: Scores, majority: Entry, count: int) -> Iterator[Check]:
    """Accuracy and mean IoU against those of predicting the commonest class everywhere."""
    for known, entry in scores.items():
        if known.measure == "accuracy":
            yield Check(
                entry,
                (majority,),
                relations.at_least,
                "the commonest class everywhere gives this accuracy",
                "below a constant",
            )
        if known.measure == "iou" and known.mean and count > 1:
            rule = f"the commonest class everywhere gives this mean IoU of {count} classes"
            yield Check(entry, (majority,), partial(_shared, count=count), rule, "below a constant")


def means(row: Case, options: Options) -> Iterator[tuple[Entry, dict[str, Entry]]]:
    """Each mean over classes of a row, with the scores of its classes."""
    scores = loosened(row, options)
    for known, entry in scores.items():
        if known.mean and not known.subject:
            own = {
                name: found
                for name in classes(scores, known)
                if (found := derived(scores, known.measure, name, known))
            }
            if len(own) > 1:
                yield entry, own


def implied_share(row: Case) -> tuple[tuple[Entry, Entry], str, Range] | None:
    """The F1 (or IoU) of two classes, the name of the second, and the share of the truth that they
    leave to it."""
    names = classes(row.scores)
    f1 = [entry for name in names if (entry := derived(row.scores, "f1", name, Heading("f1")))]
    if len(f1) != 2 or len(names) != 2:
        return None
    first, second = (
        replace(entry, range=Range(max(0.0, entry.range.low), min(1.0, entry.range.high)))
        for entry in f1
    )
    return (first, second), names[1], relations.share_of_second(first.range, second.range)


def loosened(row: Case, options: Options) -> Scores:
    """The scores of a row, with an infinite sd where one may be a mean of anything: a mean over
    classes, without a class, or over runs.

    Numbers are means over runs by option, or where others of the row have a ±.
    """
    averaged = options.averaged or any(entry.range.sd for entry in row.scores.values())

    def loose(known: Heading, entry: Entry) -> Entry:
        unknown = known.mean or not known.subject or (averaged and not entry.range.sd)
        free = unknown and known.measure in ("iou", "f1", "precision", "recall")
        return replace(entry, range=replace(entry.range, sd=math.inf)) if free else entry

    return {known: loose(known, entry) for known, entry in row.scores.items()}


def classes(scores: Scores, like: Heading | None = None) -> list[str]:
    """The classes of a row in order; given another score, those that have scores of the same epoch
    and part."""
    scored = [
        key
        for key in scores
        if key.subject and not key.mean and key.measure in ("iou", "f1", "precision", "recall")
    ]
    return list(
        dict.fromkeys(
            key.subject
            for key in scored
            if not like or (key.stage, key.data_part) == (like.stage, like.data_part)
        )
    )


def derived(scores: Scores, measure: Measure, name: str, like: Heading) -> Entry | None:
    """A class's score as printed, or from F1 or IoU, of which one gives the other."""
    wanted = replace(like, measure=measure, subject=name, mean=False)
    if wanted in scores or measure not in ("iou", "f1"):
        return scores.get(wanted)
    source = scores.get(replace(wanted, measure="f1" if measure == "iou" else "iou"))
    relation = relations.iou_of_f1 if measure == "iou" else relations.f1_of_iou
    return replace(source, range=relation(source.range)) if source else None


def _majority(scores: Scores, options: Options) -> Entry | None:
    """The share of the commonest class: the option's, a column's, or the largest of the class
    shares."""
    if options.majority is not None:
        return Entry(
            "--majority", 0, f"{options.majority:g}", Range(options.majority, options.majority), 1.0
        )
    known = [entry for key, entry in scores.items() if key.measure == "majority"]
    shares = [
        entry
        for key, entry in scores.items()
        if key.measure == "share" and key.subject in classes(scores)
    ]
    return max(known or shares, key=lambda entry: entry.range.low, default=None)


def _measures(*names: str) -> tuple[Measure, ...]:
    return cast(tuple[Measure, ...], names)


def _shared(majority: Range, count: int) -> Range:
    return Range(majority.low / count, 1.0)


def _total(entries: Sequence[Entry]) -> Range:
    return Range(
        sum(entry.range.low for entry in entries), sum(entry.range.high for entry in entries)
    )


def _listed(relation: Callable[[Sequence[Range]], Range]) -> Callable[..., Range]:
    return lambda *values: relation(values)


def _weighted(*values: Range) -> Range:
    return relations.weighted(values[: len(values) // 2], values[len(values) // 2 :])
