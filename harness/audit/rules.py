"""List the comparisons that the scores of one row allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from harness.audit import relations
from harness.audit.headings import CLASS_MEASURES, Heading, Measure
from harness.audit.relations import ANYTHING, Range, clip, meet
from harness.audit.score_rows import Case, Entry

Severity = Literal["impossible", "below a constant", "note"]


ScoresByHeading = Mapping[Heading, Entry]


@dataclass(frozen=True, slots=True)
class Options:
    """What a table does not say itself."""

    majority: float | None = None
    """The share of the commonest class, as a fraction of 1."""

    classes: int | None = None
    """How many classes there are, also those that the table does not list."""

    averaged: bool = False
    """Whether all scores are means over runs or images."""

    per_class: Measure | None = None
    """The score that columns hold which are named after classes alone."""

    separate: bool = False
    """Whether the tables of one file are of different data."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of a score with others."""

    entry: Entry
    """The score that is checked."""

    others: tuple[Entry, ...]
    """The scores that it is checked against."""

    relation: Callable[..., Range]
    """Maps the range of each of the others to the range in which the score must lie."""

    rule: str
    """The relation in words."""

    level: Severity = "impossible"
    """What it means where the score lies elsewhere."""

    remark: str = ""
    """A reason why the score may lie elsewhere all the same."""


@dataclass(frozen=True, slots=True)
class ClassMean:
    """A mean over classes beside the scores of its classes."""

    entry: Entry
    """The mean as printed."""

    classes: Mapping[str, Entry]
    """The same score of each class, as printed or as it follows from another score."""


@dataclass(frozen=True, slots=True)
class ImpliedShare:
    """The share of a class in the truth, as it follows from the scores of both of two classes."""

    entries: tuple[Entry, Entry]
    """The scores that it follows from."""

    class_name: str
    """The second class, whose share it is."""

    share: Range


def list_checks(case: Case, options: Options) -> Iterator[Check]:
    """List all comparisons of a row, but those of means over classes: see `find_class_means`."""
    scores = widen_means(case, options)
    # One round for each class, mean, epoch and part of the data: all headings that differ in the
    # measure alone share the one with "iou". A dict keeps their order, and so that of the findings.
    for like in dict.fromkeys(replace(heading, measure="iou") for heading in scores):
        yield from _checks_within(scores, like)
        if not options.averaged:
            yield from _checks_of_bare_scores(case.scores, scores, like)
    names = class_names(scores)
    # Accuracy is over all classes, so nothing follows from the scores of some.
    lists_all_classes = not options.classes or options.classes <= len(names)
    if lists_all_classes:
        for heading in scores:
            if heading.measure == "accuracy" and not heading.subject:
                yield from _checks_of_accuracy(scores, heading)
    majority = _find_majority(scores, options)
    if majority is not None:
        yield from _checks_of_constant(scores, majority, options.classes or len(names))


def _checks_within(scores: ScoresByHeading, like: Heading) -> Iterator[Check]:
    """Compare the scores of one class, or of one mean, with each other."""
    iou = scores.get(like)
    f1 = scores.get(replace(like, measure="f1"))
    if iou and f1:
        rule = "IoU = F1 / (2 - F1)"
        if f1.range.sd:
            rule += " or more, at most F1, for means"
        yield Check(iou, (f1,), relations.iou_of_f1, rule)
    if f1:
        rule = "F1 is the harmonic mean of precision and recall"
        yield from _checks_of_precision_and_recall(scores, f1, like, relations.f1_of, rule)
    if iou:
        rule = "1 / IoU = 1 / precision + 1 / recall - 1"
        yield from _checks_of_precision_and_recall(scores, iou, like, relations.iou_of, rule)
    if like.stage == "best":
        yield from _checks_of_epochs(scores, like)


def _checks_of_precision_and_recall(
    scores: ScoresByHeading,
    entry: Entry,
    like: Heading,
    relation: Callable[[Range, Range], Range],
    rule: str,
) -> Iterator[Check]:
    """Compare an F1 or an IoU with precision and recall, or with the one of them that is given."""
    precision = scores.get(replace(like, measure="precision"))
    recall = scores.get(replace(like, measure="recall"))
    if precision and recall:
        yield Check(entry, (precision, recall), relation, rule)
        return
    given = precision or recall
    if given:
        # Both relations are symmetric, so it does not matter which of the two is missing.
        rule = f"{rule}; the one that is not given is at most 1"
        yield Check(entry, (given,), partial(relation, ANYTHING), rule)


def _checks_of_epochs(scores: ScoresByHeading, best_like: Heading) -> Iterator[Check]:
    """Compare the scores of the best epoch with those of the final one."""
    measures: tuple[Measure, ...] = ("iou", "f1", "accuracy")
    for measure in measures:
        best = scores.get(replace(best_like, measure=measure))
        final = scores.get(replace(best_like, measure=measure, stage="final"))
        if best and final:
            rule = "the best epoch is at least as good as the final one"
            yield Check(best, (final,), relations.at_least, rule)


def _checks_of_bare_scores(
    printed_scores: ScoresByHeading, widened_scores: ScoresByHeading, like: Heading
) -> Iterator[Check]:
    """Compare IoU and F1 that name no class as if they were of a single class.

    They may as well be means over classes. Where only that explains them, it is worth a note.
    """
    if like.subject or like.mean:
        return
    f1_heading = replace(like, measure="f1")
    iou = printed_scores.get(like)
    f1 = printed_scores.get(f1_heading)
    if iou is None or f1 is None:
        return
    if meet(iou.range, relations.iou_of_f1(widened_scores[f1_heading].range)):
        yield Check(
            entry=iou,
            others=(f1,),
            relation=relations.iou_of_f1,
            rule="IoU = F1 / (2 - F1) for a single class",
            level="note",
            remark="they may be means over classes, images or runs",
        )


def _checks_of_accuracy(scores: ScoresByHeading, heading: Heading) -> Iterator[Check]:
    """Compare an accuracy with the scores of all classes."""
    accuracy = scores[heading]
    names = class_names(scores, heading)
    f1 = tuple(_derive_all(scores, heading, "f1", names).values())
    if len(f1) == len(names) == 2:
        rule = "of two classes, 1 - accuracy is the harmonic mean of 1 - F1 of both"
        yield Check(accuracy, f1, relations.accuracy_of_two, rule)
    elif len(f1) == len(names) > 2:
        rule = "accuracy lies between the least and the largest F1 of all classes"
        yield Check(accuracy, f1, _accuracy_between, rule)
    recalls: list[Entry] = []
    shares: list[Entry] = []
    for name in names:
        recall = scores.get(replace(heading, measure="recall", subject=name))
        share = scores.get(Heading("share", name))
        if recall is None or share is None:
            return
        recalls.append(recall)
        shares.append(share)
    # Shares that do not add up to 1 are those of some classes only, or of other pixels.
    if len(names) > 1 and meet(_add(shares), Range(1.0, 1.0)):
        rule = "accuracy is the mean of the classes' recalls, weighted by their shares"
        yield Check(accuracy, (*recalls, *shares), _weighted_recalls, rule)


def _checks_of_constant(scores: ScoresByHeading, majority: Entry, classes: int) -> Iterator[Check]:
    """Compare accuracy and mean IoU with those of predicting the commonest class everywhere."""
    for heading, entry in scores.items():
        if heading.measure == "accuracy":
            yield Check(
                entry=entry,
                others=(majority,),
                relation=relations.at_least,
                rule="the commonest class everywhere gives this accuracy",
                level="below a constant",
            )
        if heading.measure == "iou" and heading.mean and classes > 1:
            yield Check(
                entry=entry,
                others=(majority,),
                relation=partial(_mean_iou_of_constant, classes=classes),
                rule=f"the commonest class everywhere gives this mean IoU of {classes} classes",
                level="below a constant",
            )


def find_class_means(case: Case, options: Options) -> Iterator[ClassMean]:
    """Find the means over classes of a row, and the scores of their classes."""
    scores = widen_means(case, options)
    for heading, entry in scores.items():
        if heading.mean and not heading.subject:
            names = class_names(scores, heading)
            scores_by_class = _derive_all(scores, heading, heading.measure, names)
            if len(scores_by_class) > 1:
                yield ClassMean(entry, scores_by_class)


def find_implied_share(case: Case) -> ImpliedShare | None:
    """Find the share of the second of two classes that their F1 or IoU imply."""
    names = class_names(case.scores)
    f1_by_class = _derive_all(case.scores, Heading("f1"), "f1", names)
    if len(names) != 2 or len(f1_by_class) != 2:
        return None
    first, second = f1_by_class.values()
    share = relations.share_of_second(clip(first.range), clip(second.range))
    return ImpliedShare((first, second), names[1], share)


def widen_means(case: Case, options: Options) -> ScoresByHeading:
    """Give an infinite sd to each score of a row that may be a mean of any values.

    That is a mean over classes, a score that names no class, and a mean over runs without a ±.
    Numbers are means over runs by option, or where others of the row have a ±.
    """
    has_spreads = any(entry.range.sd for entry in case.scores.values())
    averaged = options.averaged or has_spreads
    widened: dict[Heading, Entry] = {}
    for heading, entry in case.scores.items():
        of_runs = averaged and not entry.range.sd
        may_be_mean = heading.mean or not heading.subject or of_runs
        widened[heading] = entry
        # Accuracy and shares enter linear relations, which hold for means as they are.
        if may_be_mean and heading.measure in CLASS_MEASURES:
            any_mean = replace(entry.range, sd=math.inf)
            widened[heading] = replace(entry, range=any_mean)
    return widened


def class_names(scores: ScoresByHeading, like: Heading | None = None) -> list[str]:
    """List the classes of a row in order.

    Args:
        scores: The scores of the row.
        like: Leaves only classes that have scores of the same epoch and part of the data as this.
    """
    names: list[str] = []
    for heading in scores:
        if not heading.subject or heading.mean:
            continue
        if heading.measure not in CLASS_MEASURES:
            continue
        if like and heading.stage != like.stage:
            continue
        if like and heading.data_part != like.data_part:
            continue
        if heading.subject not in names:
            names.append(heading.subject)
    return names


def _derive_all(
    scores: ScoresByHeading, like: Heading, measure: Measure, names: Sequence[str]
) -> dict[str, Entry]:
    """Find a score of each of the classes that have it, printed or derived."""
    scores_by_class: dict[str, Entry] = {}
    for name in names:
        entry = _derive(scores, replace(like, measure=measure, subject=name, mean=False))
        if entry is not None:
            scores_by_class[name] = entry
    return scores_by_class


def _derive(scores: ScoresByHeading, heading: Heading) -> Entry | None:
    """Find the score of a class as printed; else derive F1 from IoU, or IoU from F1."""
    if heading in scores:
        return scores[heading]
    relation: Callable[[Range], Range]
    if heading.measure == "iou":
        source = scores.get(replace(heading, measure="f1"))
        relation = relations.iou_of_f1
    elif heading.measure == "f1":
        source = scores.get(replace(heading, measure="iou"))
        relation = relations.f1_of_iou
    else:
        return None
    if source is None:
        return None
    # The text stays that of the source, since a finding shows what is printed.
    return replace(source, range=relation(source.range))


def _find_majority(scores: ScoresByHeading, options: Options) -> Entry | None:
    """Find the share of the commonest class.

    It is the option's, else that of a column, else the largest of the classes' shares.
    """
    if options.majority is not None:
        return Entry(
            column="--majority",
            line=0,
            text=f"{options.majority:g}",
            range=Range(options.majority, options.majority),
            scale=1.0,
        )
    names = class_names(scores)
    majorities: list[Entry] = []
    shares: list[Entry] = []
    for heading, entry in scores.items():
        if heading.measure == "majority":
            majorities.append(entry)
        elif heading.measure == "share" and heading.subject in names:
            shares.append(entry)
    return max(majorities or shares, key=lambda entry: entry.range.low, default=None)


def _add(entries: Sequence[Entry]) -> Range:
    low = sum(entry.range.low for entry in entries)
    high = sum(entry.range.high for entry in entries)
    return Range(low, high)


def _mean_iou_of_constant(majority: Range, classes: int) -> Range:
    # Of K classes, the commonest has an IoU of its share, and each other class an IoU of 0.
    return Range(majority.low / classes, 1.0)


def _accuracy_between(*f1: Range) -> Range:
    return relations.accuracy_between(f1)


def _weighted_recalls(*recalls_and_shares: Range) -> Range:
    classes = len(recalls_and_shares) // 2
    return relations.weighted(recalls_and_shares[:classes], recalls_and_shares[classes:])
