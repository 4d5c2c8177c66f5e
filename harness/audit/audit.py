"""Checks published tables against what scores of one confusion matrix must obey, given the rounding
of the printed digits."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

from harness.audit import relations
from harness.audit.read_tables import read_tables
from harness.audit.relations import Range, meet
from harness.audit.rows import Case, Entry, Reading, Remark, read_scores
from harness.audit.rules import (
    Check,
    Options,
    Severity,
    find_class_means,
    find_implied_share,
    list_checks,
)
from harness.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Finding:
    """What cannot be: where, the numbers by column as printed, the range that the others leave to
    the first, and the rule."""

    source: str
    table: str
    line: int
    row: str
    numbers: tuple[tuple[str, str], ...]
    allowed: tuple[str, str]
    rule: str
    level: Severity
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """How many tables, numbers and comparisons there were, what came out, and how tables were read
    where that was not certain."""

    tables: int
    numbers: int
    comparisons: int
    findings: tuple[Finding, ...]
    remarks: tuple[Remark, ...]

    @property
    def failed(self) -> bool:
        """Whether there is more than notes."""
        return any(finding.level != "note" for finding in self.findings)


def audit(paths: Sequence[Path], options: Options) -> Audit:
    """Checks every table of the files. Raises InputError for a file without a table, or without a
    column that names a score."""
    tables, numbers, comparisons, findings, remarks = 0, 0, 0, list[Finding](), list[Remark]()
    for path in paths:
        readings = [read_scores(table, options.per_class) for table in read_tables(path)]
        found = [reading.rows for reading in readings if reading.rows]
        if not found:
            raise InputError(_nothing(path, readings))
        remarks += _together(remark for reading in readings for remark in reading.remarks)
        rows = [row for own in found for row in own]
        made = [
            *(_failed(row, check) for row in rows for check in list_checks(row, options)),
            *(
                _unexplained(row, m.entry, m.classes, options)
                for row in rows
                for m in find_class_means(row, options)
            ),
            *(_repeated(*pair) for pair in _repetitions(found, options.separate)),
            *(finding for own in found for finding in _other_truth(own)),
        ]
        outside = (_outside(row, entry) for row in rows for entry in row.scores.values())
        findings += sorted(filter(None, [*outside, *made]), key=lambda finding: finding.line)
        tables, comparisons = tables + len(found), comparisons + len(made)
        numbers += sum(len(row.scores) for row in rows)
    return Audit(tables, numbers, comparisons, tuple(findings), tuple(remarks))


def _nothing(path: Path, readings: Sequence[Reading]) -> str:
    """Why no score of a file can be used."""
    known = [
        f"{each.source}:{each.line}: {each.kind}: {each.text}"
        for reading in readings
        for each in reading.remarks
    ]
    if known:
        return "\n".join([*known, f"{path}: no score is left to check"])
    columns = ", ".join(
        dict.fromkeys(column for table in read_tables(path) for column in table.columns if column)
    )
    return (
        f"{path}: no column of numbers names a score; its columns: {columns}. Name them such as"
        " mIoU, IoU building, iou_building, F1 road, precision, recall or OA; or give --per-class"
        " iou where they are named after classes alone"
    )


def _together(remarks: Iterable[Remark]) -> list[Remark]:
    """Remarks of a file by line; the same assumption about several of its tables once, at the
    first."""
    first: dict[object, Remark] = {}
    for each in remarks:
        first.setdefault(each.text if each.kind == "assumed" else each, each)
    return sorted(first.values(), key=lambda each: each.line)


def _failed(row: Case, check: Check) -> Finding | None:
    """The finding of a check that fails, with a remark where the ± of the other numbers would let
    it pass."""
    ranges = [entry.range for entry in check.others]
    if any(each.high < 0 or each.low > 1 for each in (check.entry.range, *ranges)):
        return None  # reported as outside 0 to 1
    ranges = [Range(max(0.0, each.low), min(1.0, each.high), each.sd) for each in ranges]
    allowed = check.relation(*ranges)
    if meet(check.entry.range, allowed):
        return None
    wide = [
        Range(max(0.0, r.low - r.sd), min(1.0, r.high + r.sd)) if r.sd < math.inf else r
        for r in ranges
    ]
    if any(0 < each.sd < math.inf for each in ranges) and meet(
        check.entry.range, check.relation(*wide)
    ):
        return _finding(
            row,
            check,
            allowed,
            "possible within one ± of the others, so they may be of different runs",
        )
    return _finding(row, check, allowed, check.remark)


def _unexplained(
    row: Case, entry: Entry, own: Mapping[str, Entry], options: Options
) -> Finding | None:
    """A mean that is not that of the listed classes. It is a note where leaving out one of them
    explains it."""
    values = {name: each.range for name, each in own.items()}
    allowed = relations.mean_of([*values.values()], options.classes)
    if meet(entry.range, allowed):
        return None
    readings = {
        _without(name, list(values)): relations.mean_of(
            [r for other, r in values.items() if other != name]
        )
        for name in values
    }
    explained = [name for name, reading in readings.items() if meet(entry.range, reading)]
    readings["with one more class, not listed, at 0"] = relations.mean_of(
        [*values.values(), Range(0.0, 0.0)]
    )
    nearest = min(readings, key=lambda name: _gap(entry.range, readings[name]))
    remark = (
        f"it is the mean {' or '.join(explained)}"
        if explained
        else f"nearest: {nearest}, {' to '.join(_shown(entry, readings[nearest]))}"
    )
    level: Severity = "note" if explained else "impossible"
    return _finding(
        row,
        Check(
            entry, tuple(own.values()), relations.mean_of, f"the mean over {', '.join(own)}", level
        ),
        allowed,
        remark,
    )


def _without(name: str, names: Sequence[str]) -> str:
    return (
        f"of {next(other for other in names if other != name)} alone"
        if len(names) == 2
        else f"without {name}"
    )


def _repetitions(
    tables: Sequence[Sequence[Case]], separate: bool
) -> Iterator[tuple[Entry, Entry, Case, Case]]:
    """Scores of the same name in two rows with the same texts. A single text is a name, which
    another table may use for another thing."""
    alike = defaultdict[object, list[Case]](list)
    for number, rows in enumerate(tables):
        for row in rows:
            texts = frozenset((column.lower(), text.lower()) for column, text in row.texts.items())
            filled = sum(text != "" for _, text in texts)
            if filled:
                alike[texts, number if separate or filled == 1 else None].append(row)
    for group in alike.values():
        for one, other in combinations(group, 2):
            yield from (
                (one.scores[key], other.scores[key], one, other)
                for key in one.scores
                if key in other.scores
            )


def _repeated(first: Entry, second: Entry, one: Case, other: Case) -> Finding | None:
    """Two numbers for the same thing. Within the sum of their ±, that is a note."""
    if meet(first.range, second.range):
        return None
    within = _gap(first.range, second.range) <= first.range.sd + second.range.sd
    numbers = (
        (first.column, first.text),
        (f"{second.column}, {other.table.title}, line {second.line}", second.text),
    )
    level: Severity = "note" if within else "impossible"
    where = (one.table.source, one.table.title, first.line, one.name)
    return Finding(
        *where,
        numbers,
        _shown(first, second.range),
        "the same configuration has the same numbers",
        level,
    )


def _other_truth(rows: Sequence[Case]) -> Iterator[Finding | None]:
    """Rows whose F1 of two classes imply another share of a class than those of the first row, so
    other test pixels: a note."""
    implied = [(row, found) for row in rows if (found := find_implied_share(row))]
    for row, i in implied[1:]:
        entries, name, share = i.entries, i.class_name, i.share
        first, expected = implied[0][0], implied[0][1].share
        low, high = (f"{100 * value:.1f}" for value in (share.low, share.high))
        remark = (
            f"here {name} has {low} to {high} % of the true pixels: other test pixels, or means of"
            " unequal runs"
        )
        rule = f"share in % that {first.name} leaves to {name}"
        numbers = tuple((entry.column, entry.text) for entry in entries)
        where = (row.table.source, row.table.title, entries[0].line, row.name)
        allowed = f"{100 * expected.low:.1f}", f"{100 * expected.high:.1f}"
        yield (
            None
            if meet(share, expected)
            else Finding(*where, numbers, allowed, rule, "note", remark)
        )


def _outside(row: Case, entry: Entry) -> Finding | None:
    if entry.range.high >= 0 and entry.range.low <= 1:
        return None
    return _finding(row, Check(entry, (), Range, "a score is a share"), Range(0.0, 1.0), "")


def _finding(row: Case, check: Check, allowed: Range, remark: str) -> Finding:
    numbers = tuple((entry.column, entry.text) for entry in (check.entry, *check.others))
    where = (row.table.source, row.table.title, check.entry.line, row.name)
    return Finding(*where, numbers, _shown(check.entry, allowed), check.rule, check.level, remark)


def _gap(one: Range, other: Range) -> float:
    return max(one.low - other.high, other.low - one.high, 0.0)


def _shown(entry: Entry, found: Range) -> tuple[str, str]:
    """The ends of a range in the unit of an entry, with a digit more than it has."""
    low, high = (f"{value / entry.scale:.{entry.digits + 1}f}" for value in (found.low, found.high))
    return low, high


def to_text(found: Audit) -> str:
    """The findings, three lines each, how tables were read where that is not certain, and a line
    that sums up."""
    lines = []
    for each in found.findings:
        (column, text), *others = each.numbers
        against = f"; {', '.join(f'{name} {value}' for name, value in others)}" if others else ""
        lines += [
            f"{each.source}:{each.line}: {each.row} ({each.table})",
            f"  {each.level}: {column} {text}{against}",
        ]
        lines += [
            f"  allowed: {' to '.join(each.allowed)}: {each.rule}"
            + (f"; {each.remark}" if each.remark else "")
        ]
    lines += [f"{each.source}:{each.line}: {each.kind}: {each.text}" for each in found.remarks]
    counts = Counter(each.level for each in found.findings)
    outcome = (
        ", ".join(f"{count} {level}" for level, count in counts.items()) or "nothing impossible"
    )
    alone = "" if found.comparisons else "; no two numbers could be compared"
    lines.append(
        f"{found.tables} tables, {found.numbers} numbers, {found.comparisons} comparisons:"
        f" {outcome}{alone}"
    )
    return "\n".join(lines)


def to_json(found: Audit) -> str:
    """The same as JSON."""
    return json.dumps(asdict(found), indent=1, ensure_ascii=False)
