"""Check published tables against what the scores of one confusion matrix must obey.

A printed number stands for every number that rounds to it, so a finding is a number that no
rounding explains.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, combinations
from pathlib import Path

from harness.audit import relations
from harness.audit.read_tables import PublishedTable, read_tables
from harness.audit.relations import ANYTHING, Range, clip, meet
from harness.audit.rules import (
    Check,
    ClassMean,
    ImpliedShare,
    Options,
    Severity,
    find_class_means,
    find_implied_share,
    list_checks,
)
from harness.audit.score_rows import Case, Entry, Reading, Remark, read_scores
from harness.core.errors import InputError

ONE_CLASS_MORE = "with one more class, not listed, at 0"
"""How a paper may average that leaves a class of its data set out of the table."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A number that cannot be, or that asks for an explanation."""

    source: str
    """The file."""

    table: str
    """The title of its table."""

    line: int
    """The line of its row in the file."""

    row: str
    """The texts that name its row."""

    numbers: tuple[tuple[str, str], ...]
    """The number, then those that it was compared with: the heading of the column, and the text as
    printed."""

    allowed: tuple[str, str]
    """The ends of the range that the others leave to the number, in its unit."""

    rule: str
    """The relation between them."""

    level: Severity

    remark: str = ""
    """What may explain the number, or the reading that comes nearest to it."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit of some files came to."""

    tables: int
    """How many tables have scores."""

    numbers: int
    """How many scores were read."""

    comparisons: int
    """How many comparisons were made."""

    findings: tuple[Finding, ...]
    """What came out, by file and line."""

    remarks: tuple[Remark, ...]
    """How tables were read where that was not certain, by file and line."""

    @property
    def failed(self) -> bool:
        """Whether there is more than notes."""
        return any(finding.level != "note" for finding in self.findings)


def audit(paths: Sequence[Path], options: Options) -> Audit:
    """Check every table of the files.

    Raises:
        InputError: A file has no table, or no column that names a score.
    """
    total = Audit(tables=0, numbers=0, comparisons=0, findings=(), remarks=())
    for path in paths:
        audit_of_file = _audit_file(path, options)
        total = Audit(
            tables=total.tables + audit_of_file.tables,
            numbers=total.numbers + audit_of_file.numbers,
            comparisons=total.comparisons + audit_of_file.comparisons,
            findings=total.findings + audit_of_file.findings,
            remarks=total.remarks + audit_of_file.remarks,
        )
    return total


def _audit_file(path: Path, options: Options) -> Audit:
    """Check every table of a file."""
    tables = read_tables(path)
    readings = [read_scores(table, options.per_class) for table in tables]
    cases_by_table = [reading.cases for reading in readings if reading.cases]
    if not cases_by_table:
        raise InputError(_describe_lack_of_scores(path, tables, readings))
    cases = list(chain.from_iterable(cases_by_table))
    comparisons = _compare(cases, options)
    comparisons += _compare_repetitions(cases_by_table, options.separate)
    for cases_of_table in cases_by_table:
        comparisons += _compare_truth(cases_of_table)
    # That a score is a share is no comparison of numbers, so it is not counted as one.
    findings = _check_shares(cases)
    findings += [finding for finding in comparisons if finding is not None]
    # The sort is stable: findings of one line stay in the order of the rules.
    findings.sort(key=lambda finding: finding.line)
    return Audit(
        tables=len(cases_by_table),
        numbers=sum(len(case.scores) for case in cases),
        comparisons=len(comparisons),
        findings=tuple(findings),
        remarks=tuple(_merge_remarks(readings)),
    )


def _describe_lack_of_scores(
    path: Path, tables: Sequence[PublishedTable], readings: Sequence[Reading]
) -> str:
    """Say why no score of a file can be used."""
    lines: list[str] = []
    for reading in readings:
        lines += map(_remark_to_text, reading.remarks)
    if lines:
        lines.append(f"{path}: no score is left to check")
        return "\n".join(lines)
    columns: list[str] = []
    for table in tables:
        for column in table.columns:
            if column and column not in columns:
                columns.append(column)
    return (
        f"{path}: no column of numbers names a score; its columns: {', '.join(columns)}. Name them"
        " such as mIoU, IoU building, iou_building, F1 road, precision, recall or OA; or give"
        " --per-class iou where they are named after classes alone"
    )


def _merge_remarks(readings: Iterable[Reading]) -> list[Remark]:
    """Sort the remarks of a file by line.

    The same assumption about several of its tables is named once, at the first of them.
    """
    remarks: dict[str | Remark, Remark] = {}
    for reading in readings:
        for remark in reading.remarks:
            if remark.kind == "assumed":
                remarks.setdefault(remark.text, remark)
            else:
                remarks.setdefault(remark, remark)
    return sorted(remarks.values(), key=lambda remark: remark.line)


def _check_shares(cases: Sequence[Case]) -> list[Finding]:
    """Find the scores that lie outside 0 to 1."""
    findings: list[Finding] = []
    for case in cases:
        for entry in case.scores.values():
            if _is_outside(entry.range):
                check = Check(entry, (), lambda: ANYTHING, "a score is a share")
                findings.append(_make_finding(case, check, ANYTHING, ""))
    return findings


def _compare(cases: Sequence[Case], options: Options) -> list[Finding | None]:
    """Compare the scores of each row with each other; None for a comparison that holds."""
    findings: list[Finding | None] = []
    for case in cases:
        for check in list_checks(case, options):
            findings.append(_apply_check(check, case))
    for case in cases:
        for mean in find_class_means(case, options):
            findings.append(_compare_mean(case, mean, options))
    return findings


def _apply_check(check: Check, case: Case) -> Finding | None:
    """Make one comparison; None where it holds."""
    clipped: list[Range] = []
    for other in check.others:
        # What is no share is reported as such; the relations are about shares only.
        if _is_outside(other.range):
            return None
        clipped.append(clip(other.range))
    if _is_outside(check.entry.range):
        return None
    allowed = check.relation(*clipped)
    if meet(check.entry.range, allowed):
        return None
    remark = check.remark
    if _holds_within_spreads(check, clipped):
        remark = "possible within one ± of the others, so they may be of different runs"
    return _make_finding(case, check, allowed, remark)


def _holds_within_spreads(check: Check, ranges: Sequence[Range]) -> bool:
    """Tell whether a comparison holds once each of the others may lie within its printed ±."""
    if not any(0 < score.sd < math.inf for score in ranges):
        return False
    widened: list[Range] = []
    for score in ranges:
        if math.isinf(score.sd):
            widened.append(score)  # a mean of any values, of which no ± is printed
        else:
            low = score.low - score.sd
            high = score.high + score.sd
            widened.append(clip(Range(low, high)))
    return meet(check.entry.range, check.relation(*widened))


def _compare_mean(case: Case, mean: ClassMean, options: Options) -> Finding | None:
    """Compare a mean with that of the listed classes.

    A mean of all but one of them is worth a note only, since papers often leave a class out.
    """
    ranges = {name: entry.range for name, entry in mean.classes.items()}
    printed = mean.entry.range
    allowed = relations.mean_of(list(ranges.values()), options.classes)
    if meet(printed, allowed):
        return None
    readings = _means_without_one(ranges)
    explanations = [text for text, reading in readings.items() if meet(printed, reading)]
    level: Severity
    if explanations:
        level = "note"
        remark = f"it is the mean {' or '.join(explanations)}"
    else:
        level = "impossible"
        one_more = [*ranges.values(), Range(0.0, 0.0)]
        readings[ONE_CLASS_MORE] = relations.mean_of(one_more)
        nearest = min(readings, key=lambda text: _distance(printed, readings[text]))
        low, high = _format_ends(mean.entry, readings[nearest])
        remark = f"nearest: {nearest}, {low} to {high}"
    check = Check(
        entry=mean.entry,
        others=tuple(mean.classes.values()),
        relation=relations.mean_of,
        rule=f"the mean over {', '.join(mean.classes)}",
        level=level,
    )
    return _make_finding(case, check, allowed, remark)


def _means_without_one(ranges: Mapping[str, Range]) -> dict[str, Range]:
    """Average over all classes but one, for each of them; the keys say which."""
    means: dict[str, Range] = {}
    for name in ranges:
        others = dict(ranges)
        del others[name]
        description = f"without {name}"
        if len(others) == 1:
            description = f"of {next(iter(others))} alone"
        means[description] = relations.mean_of(list(others.values()))
    return means


def _compare_repetitions(
    cases_by_table: Sequence[Sequence[Case]], separate: bool
) -> list[Finding | None]:
    """Compare the scores of rows with the same texts; None for a comparison that holds."""
    findings: list[Finding | None] = []
    for group in _group_alike(cases_by_table, separate):
        for first, second in combinations(group, 2):
            for heading, entry in first.scores.items():
                if heading in second.scores:
                    findings.append(_compare_repeated(first, entry, second, second.scores[heading]))
    return findings


def _group_alike(
    cases_by_table: Sequence[Sequence[Case]], separate: bool
) -> Iterator[Sequence[Case]]:
    """Group the rows that are about the same configuration, as far as their texts say."""
    groups: dict[object, list[Case]] = {}
    for table_number, cases in enumerate(cases_by_table):
        for case in cases:
            texts: set[tuple[str, str]] = set()
            for column, text in case.texts.items():
                texts.add((column.lower(), text.lower()))
            filled_cells = sum(text != "" for _, text in texts)
            if filled_cells == 0:
                continue
            configuration: object = frozenset(texts)
            # A single text is a name, which another table may use for another thing.
            if separate or filled_cells == 1:
                configuration = (table_number, configuration)
            groups.setdefault(configuration, []).append(case)
    yield from groups.values()


def _compare_repeated(
    first_case: Case, first: Entry, second_case: Case, second: Entry
) -> Finding | None:
    """Compare two numbers for the same thing; within the sum of their ±, it is a note."""
    if meet(first.range, second.range):
        return None
    spreads = first.range.sd + second.range.sd
    within_spreads = _distance(first.range, second.range) <= spreads
    second_place = f"{second.column}, {second_case.table.title}, line {second.line}"
    return Finding(
        source=first_case.table.source,
        table=first_case.table.title,
        line=first.line,
        row=first_case.name,
        numbers=((first.column, first.text), (second_place, second.text)),
        allowed=_format_ends(first, second.range),
        rule="the same configuration has the same numbers",
        level="note" if within_spreads else "impossible",
    )


def _compare_truth(cases: Sequence[Case]) -> list[Finding | None]:
    """Compare the share of a class that the F1 of two classes imply with that of the first row.

    Another share means other test pixels; None for a comparison that holds.
    """
    shares: list[tuple[Case, ImpliedShare]] = []
    for case in cases:
        implied = find_implied_share(case)
        if implied is not None:
            shares.append((case, implied))
    findings: list[Finding | None] = []
    for case, implied in shares[1:]:
        first_case, first = shares[0]
        if meet(implied.share, first.share):
            findings.append(None)
            continue
        low, high = _format_share_ends(implied.share)
        remark = (
            f"here {implied.class_name} has {low} to {high} % of the true pixels: other test"
            " pixels, or means of unequal runs"
        )
        findings.append(
            Finding(
                source=case.table.source,
                table=case.table.title,
                line=implied.entries[0].line,
                row=case.name,
                numbers=_numbers(implied.entries),
                allowed=_format_share_ends(first.share),
                rule=f"share in % that {first_case.name} leaves to {implied.class_name}",
                level="note",
                remark=remark,
            )
        )
    return findings


def _make_finding(case: Case, check: Check, allowed: Range, remark: str) -> Finding:
    return Finding(
        source=case.table.source,
        table=case.table.title,
        line=check.entry.line,
        row=case.name,
        numbers=_numbers((check.entry, *check.others)),
        allowed=_format_ends(check.entry, allowed),
        rule=check.rule,
        level=check.level,
        remark=remark,
    )


def _numbers(entries: Iterable[Entry]) -> tuple[tuple[str, str], ...]:
    """Write down what is printed, and where."""
    return tuple((entry.column, entry.text) for entry in entries)


def _is_outside(score: Range) -> bool:
    """Tell whether no number of a range is a share."""
    return score.high < 0 or score.low > 1


def _distance(one: Range, other: Range) -> float:
    """Measure the gap between two ranges; 0 where they meet."""
    return max(one.low - other.high, other.low - one.high, 0.0)


def _format_ends(entry: Entry, scores: Range) -> tuple[str, str]:
    """Write the ends of a range in the unit of an entry, with one digit more than it has."""
    decimals = entry.digits + 1
    low = f"{scores.low / entry.scale:.{decimals}f}"
    high = f"{scores.high / entry.scale:.{decimals}f}"
    return low, high


def _format_share_ends(share: Range) -> tuple[str, str]:
    """Write the ends of a range in percent."""
    low = f"{100 * share.low:.1f}"
    high = f"{100 * share.high:.1f}"
    return low, high


def to_text(result: Audit) -> str:
    """Write an audit as text.

    Each finding has three lines. Below them stand how tables were read where that is not certain,
    and a line that sums up.
    """
    lines: list[str] = []
    for finding in result.findings:
        lines += _finding_to_lines(finding)
    lines += map(_remark_to_text, result.remarks)
    lines.append(_summary(result))
    return "\n".join(lines)


def _finding_to_lines(finding: Finding) -> list[str]:
    first, *others = [f"{column} {text}" for column, text in finding.numbers]
    compared = first
    if others:
        compared += f"; {', '.join(others)}"
    reason = finding.rule
    if finding.remark:
        reason += f"; {finding.remark}"
    return [
        f"{finding.source}:{finding.line}: {finding.row} ({finding.table})",
        f"  {finding.level}: {compared}",
        f"  allowed: {' to '.join(finding.allowed)}: {reason}",
    ]


def _remark_to_text(remark: Remark) -> str:
    return f"{remark.source}:{remark.line}: {remark.kind}: {remark.text}"


def _summary(result: Audit) -> str:
    levels = Counter(finding.level for finding in result.findings)
    outcome = ", ".join(f"{count} {level}" for level, count in levels.items())
    if not outcome:
        outcome = "nothing impossible"
    if result.comparisons == 0:
        outcome += "; no two numbers could be compared"
    return (
        f"{result.tables} tables, {result.numbers} numbers, {result.comparisons} comparisons:"
        f" {outcome}"
    )


def to_json(result: Audit) -> str:
    """Write an audit as JSON."""
    return json.dumps(asdict(result), indent=1, ensure_ascii=False)
