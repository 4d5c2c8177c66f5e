"""The test patches that runs stored in `samples/`, beside each other for every method: what it was
given, and what it made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import metrics
from harness.leaderboard.board import Board
from harness.leaderboard.selection_tracks import split_by_track
from harness.pages.formats import format_percent
from harness.pages.html import pictures
from harness.pages.html.samples_reader import samples as samples_in

BUDGET = 6_000_000
"""Bytes of pictures in a page: with plotly's 5 MB and 500 runs, it stays below 15 MB."""


@dataclass(frozen=True, slots=True)
class View:
    """What one method made of a patch: picture layers, each from back to front, and what they
    say."""

    method: str
    weak: tuple[str, ...]
    given: str
    prediction: str
    errors: str
    scores: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A test patch of one seed: its picture, its true classes, and a view per method that has
    it."""

    name: str
    image: str
    truth: str
    contains: str
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """All patches shown. `methods` are those with pictures, the reference last; `absent` are runs
    without, `left_out` patches too many.

    tracks: the selection track of each method, where there are more than one.
    """

    methods: tuple[str, ...]
    reference: str
    classes: tuple[tuple[str, str], ...]
    patches: tuple[Patch, ...]
    absent: tuple[str, ...]
    left_out: int
    tracks: Mapping[str, str]


def gallery(board: Board, runs: Path, budget: int = BUDGET) -> Gallery:
    """The patches of all seeds in order, until their pictures fill the budget of bytes. Raises
    InputError where samples are damaged."""
    done = [record for record in board.records if record["status"] == "ok"]
    reference = board.header["reference"]
    samples = {
        record["key"]: found
        for record in done
        if (found := samples_in(runs / record["key"] / "samples", len(record["classes"])))
    }
    absent = tuple(
        f"{record['method']}, seed {record['seed']}"
        for record in done
        if record["key"] not in samples
    )
    patches: list[Patch] = []
    used = left_out = 0
    for seed in dict.fromkeys(record["seed"] for record in done):
        mine = [record for record in done if record["seed"] == seed and record["key"] in samples]
        for name in dict.fromkeys(
            entry["patch"] for record in mine for entry in samples[record["key"]]
        ):
            if used > budget:
                left_out += 1
                continue
            shown = [
                (record, entry)
                for record in mine
                for entry in samples[record["key"]]
                if entry["patch"] == name
            ]
            patch = _patch(f"seed {seed}: {name}", shown, runs)
            used += sum(map(len, _layers(patch)))
            if used > budget and patches:
                left_out += 1
            else:
                patches.append(patch)
    pictured = {view.method for patch in patches for view in patch.views}
    methods = [entry["name"] for entry in board.header["methods"] if entry["name"] in pictured]
    ordered = sorted(methods, key=lambda method: method == reference)
    classes = tuple(
        (each["name"], f"rgb{_color(each)}") for each in (done[0]["classes"] if done else ())
    )
    parts = split_by_track(board)
    tracks = (
        {
            entry["name"]: str(track)
            for track, part in parts.items()
            for entry in part.header["methods"]
        }
        if len(parts) > 1
        else {}
    )
    return Gallery(tuple(ordered), reference, classes, tuple(patches), absent, left_out, tracks)


def _patch(
    name: str, shown: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], runs: Path
) -> Patch:
    record, entry = shown[0]
    folder, names = runs / record["key"] / "samples", [each["name"] for each in record["classes"]]
    colors = [_color(each) for each in record["classes"]]
    truth = pictures.read(folder / entry["files"]["truth"])[0]
    present = np.array(entry["confusion"]).sum(1)
    return Patch(
        name=name,
        image=pictures.photo(pictures.read(folder / entry["files"]["image"])),
        truth=pictures.class_map(truth, colors),
        contains=_listed(names, (present / max(1, present.sum())).tolist()),
        views=tuple(
            _view(record, entry, truth, runs / record["key"] / "samples") for record, entry in shown
        ),
    )


def _view(record: Mapping[str, Any], entry: Mapping[str, Any], truth: Any, folder: Path) -> View:
    names, colors = (
        [each["name"] for each in record["classes"]],
        [_color(each) for each in record["classes"]],
    )
    counts = np.array(entry["confusion"], np.int64)
    accuracy, miou = (
        float(metrics.accuracy(counts)),
        metrics.mean_iou(counts, [names.index(name) for name in record["mean_over"]]),
    )
    predicted = pictures.read(folder / entry["files"]["prediction"])[0]
    weak, given = [], []
    if "weak" in entry["files"]:
        labels = pictures.read(folder / entry["files"]["weak"])[0]
        weak += pictures.weak_label(labels, colors)
        given.append(f"{int((labels < len(names)).sum()):,} of {labels.size:,} pixels labelled")
    if "proportions" in entry:
        vectors = np.atleast_2d(np.array(entry["proportions"], float))
        weak = weak or [pictures.shares(vectors, colors)]
        given.append(
            f"proportions: {_listed(names, vectors[0])}"
            if len(vectors) == 1
            else f"proportions of {len(vectors)} regions"
        )
    if "tags" in entry:
        given.append(
            "classes present:"
            f" {', '.join(name for name, tag in zip(names, entry['tags'], strict=True) if tag)}"
        )
    if "weak_label_error" in entry:
        given.append(f"not drawn: {entry['weak_label_error']}")
    return View(
        method=record["method"],
        weak=tuple(weak),
        given="; ".join(given) or "no labels",
        prediction=pictures.class_map(predicted, colors),
        errors=pictures.errors(truth, predicted),
        scores=(
            f"mIoU {format_percent(miou)} %, {format_percent(1 - accuracy)} % of the pixels wrong"
        ),
    )


def _listed(names: Sequence[str], shares: Sequence[float]) -> str:
    order = sorted(zip(shares, names, strict=True), key=lambda pair: -pair[0])
    return (
        ", ".join(f"{name} {format_percent(float(share))} %" for share, name in order if share > 0)
        or "nothing scored"
    )


def _color(each: Mapping[str, Any]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in each["color"])
    return red, green, blue


def _layers(patch: Patch) -> Iterator[str]:
    yield from (patch.image, patch.truth)
    for view in patch.views:
        yield from (*view.weak, view.prediction, view.errors)
