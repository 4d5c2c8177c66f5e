"""Properties of the audit: tables computed from a confusion matrix raise nothing, and a number that
is changed beyond its rounding is found. scikit-learn computes the scores."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score

from harness.audit.audit import Finding, audit
from harness.audit.rules import Options

Counts = NDArray[np.int64]


FUNCTIONS = {
    "IoU": jaccard_score,
    "F1": f1_score,
    "precision": precision_score,
    "recall": recall_score,
}


def matrices_of(classes: int) -> st.SearchStrategy[list[list[int]]]:
    """Draw confusion matrices in which each class was found and mistaken at least once."""
    row = st.lists(st.integers(1, 999), min_size=classes, max_size=classes)
    return st.lists(row, min_size=classes, max_size=classes)


matrices = st.integers(2, 5).flatmap(matrices_of)


def compute_scores(counts: Counts) -> dict[str, float]:
    """Compute the scores of a confusion matrix by their names."""
    classes = len(counts)
    truth, predicted = np.indices(counts.shape).reshape(2, -1)
    weights = counts.ravel()
    scores = {"OA": float(accuracy_score(truth, predicted, sample_weight=weights))}
    for measure, function in FUNCTIONS.items():
        values = function(
            truth, predicted, labels=list(range(classes)), average=None, sample_weight=weights
        )
        for index, value in enumerate(values):
            scores[f"{measure} c{index}"] = float(value)
        scores[f"mean {measure}"] = float(np.mean(values))
    return scores


def compute_shares(counts: Counts) -> dict[str, float]:
    """Compute the share of each class in the truth."""
    shares = counts.sum(1) / counts.sum()
    return {f"share c{index}": float(share) for index, share in enumerate(shares)}


def print_scores(scores: dict[str, float], digits: int, percent: bool) -> dict[str, str]:
    """Round scores as a paper would, under headings that name their unit."""
    factor = 100 if percent else 1
    unit = " (%)" if percent else ""
    return {name + unit: f"{factor * value:.{digits}f}" for name, value in scores.items()}


def audit_csv(folder: Path, row: dict[str, str]) -> tuple[Finding, ...]:
    path = folder / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(row.keys())
        writer.writerow(row.values())
    return audit([path], Options()).findings


def audit_markdown(folder: Path, row: dict[str, str]) -> tuple[Finding, ...]:
    path = folder / "t.md"
    delimiters = ["---"] * len(row)
    lines = [" | ".join(cells) for cells in (row.keys(), delimiters, row.values())]
    path.write_text("".join(f"| {line} |\n" for line in lines), encoding="utf-8")
    return audit([path], Options()).findings


@settings(max_examples=25)
@given(matrices, st.integers(1, 4), st.booleans())
def test_consistent_tables_raise_nothing(
    tmp_path_factory: pytest.TempPathFactory, counts: list[list[int]], digits: int, percent: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    matrix = np.array(counts)
    scores = print_scores(compute_scores(matrix), digits, percent)
    shares = print_scores(compute_shares(matrix), digits, percent)
    assert audit_csv(folder, scores) == ()
    # A random matrix may be worse than a constant, and its shares tell.
    findings = audit_csv(folder, scores | shares)
    assert {finding.level for finding in findings} <= {"below a constant"}


@settings(max_examples=25)
@given(matrices)
def test_percent_with_one_decimal_in_markdown_raises_nothing(
    tmp_path_factory: pytest.TempPathFactory, counts: list[list[int]]
) -> None:
    scores = print_scores(compute_scores(np.array(counts)), digits=1, percent=True)
    assert audit_markdown(tmp_path_factory.getbasetemp(), scores) == ()


@settings(max_examples=15)
@given(matrices, st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_consistent_means_over_runs_raise_nothing(
    tmp_path_factory: pytest.TempPathFactory, counts: list[list[int]], seed: int, digits: int
) -> None:
    generator = np.random.default_rng(seed)
    runs: list[dict[str, float]] = []
    for _ in range(3):
        changes = generator.uniform(0.8, 1.25, np.shape(counts))
        changed = np.round(np.array(counts) * changes).astype(int) + 1
        runs.append(compute_scores(changed))
    row: dict[str, str] = {}
    for name in runs[0]:
        values = [100 * run[name] for run in runs]
        row[f"{name} (%)"] = f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"
    assert audit_csv(tmp_path_factory.getbasetemp(), row) == ()


@settings(max_examples=25)
@given(matrices, st.integers(2, 4), st.data())
def test_a_number_beyond_its_rounding_is_found(
    tmp_path_factory: pytest.TempPathFactory,
    counts: list[list[int]],
    digits: int,
    data: st.DataObject,
) -> None:
    row = print_scores(compute_scores(np.array(counts)), digits, percent=False)
    candidates = [name for name in row if name.startswith(("IoU", "F1", "mean IoU"))]
    if len(counts) == 2:
        candidates.append("OA")
    name = data.draw(st.sampled_from(candidates))
    sign = data.draw(st.sampled_from([-1, 1]))
    wrong = float(row[name]) + sign * 10 * 10.0**-digits
    assume(0 <= wrong <= 1)
    row[name] = f"{wrong:.{digits}f}"
    findings = audit_csv(tmp_path_factory.getbasetemp(), row)
    assert any(name in dict(finding.numbers) for finding in findings)
