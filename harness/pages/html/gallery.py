"""The gallery of a report: test patches that runs stored, beside each other for every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness import metrics
from harness.core.values import Pixels
from harness.leaderboard.analysis import Leaderboard
from harness.leaderboard.board import Board
from harness.pages.formats import format_percent
from harness.pages.html import pictures
from harness.pages.html.pictures import Color
from harness.pages.html.samples_reader import StoredSample, read_bands, read_samples
from harness.records.record import FinishedRecord

BUDGET = 6_000_000
"""Bytes of pictures in a page: with plotly's 5 MB and 500 runs, it stays below 15 MB."""


@dataclass(frozen=True, slots=True)
class PatchView:
    """What one method was given of a patch, and what it made of it."""

    method: str
    weak_label: tuple[str, ...]
    """Layers of pictures from back to front, to lay over the image; none without labels."""
    label_summary: str
    """What the weak label says, in words."""
    prediction: str
    """A picture: the predicted classes."""
    errors: str
    """A picture: where these are wrong."""
    score_summary: str
    """How good the prediction is, in words."""

    @property
    def size(self) -> int:
        """The bytes of its pictures."""
        drawn = [*self.weak_label, self.prediction, self.errors]
        return sum(len(picture) for picture in drawn)


@dataclass(frozen=True, slots=True)
class GalleryPatch:
    """A test patch of one seed."""

    name: str
    image: str
    """A picture."""
    truth: str
    """A picture: the true classes."""
    class_summary: str
    """Which classes it has, in words."""
    views: tuple[PatchView, ...]
    """One of each method that stored the patch."""

    @property
    def size(self) -> int:
        """The bytes of its pictures."""
        return len(self.image) + len(self.truth) + sum(view.size for view in self.views)


@dataclass(frozen=True, slots=True)
class Gallery:
    """All that the gallery of a page shows. The page's script reads it by the names of fields."""

    methods: tuple[str, ...]
    """Those with pictures, the reference last: it is shown beside every other one."""
    reference: str
    classes: tuple[tuple[str, str], ...]
    """Names of classes, and colours for a style sheet."""
    patches: tuple[GalleryPatch, ...]
    runs_without_pictures: tuple[str, ...]
    patches_left_out: int
    """How many patches there was no room for."""
    tracks: Mapping[str, str]
    """The selection track of each method; empty where there is only one."""


@dataclass(frozen=True, slots=True)
class SampleOfRun:
    """A test patch as one run stored it."""

    record: FinishedRecord
    folder: Path
    """Where its pictures are."""
    sample: StoredSample

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in mask order."""
        return self.record.class_names

    @property
    def colors(self) -> list[Color]:
        """The colours of the classes."""
        return [recorded.color for recorded in self.record.classes]

    def read_image(self) -> Pixels:
        """Return the image, uint8 [3, H, W]."""
        return read_bands(self.folder / self.sample.files.image)

    def read_truth(self) -> Pixels:
        """Return the true classes, uint8 [H, W]."""
        return self._read_map(self.sample.files.truth)

    def read_prediction(self) -> Pixels:
        """Return the predicted classes, uint8 [H, W]."""
        return self._read_map(self.sample.files.prediction)

    def read_labels(self) -> Pixels | None:
        """Return the weak labels, uint8 [H, W], if the method is given any."""
        name = self.sample.files.weak
        return None if name is None else self._read_map(name)

    def _read_map(self, name: str) -> Pixels:
        class_map: Pixels = read_bands(self.folder / name)[0]
        return class_map


def make_gallery(leaderboard: Leaderboard, runs: Path, budget: int = BUDGET) -> Gallery:
    """Draw the patches of all seeds in order, until their pictures fill the budget of bytes.

    Args:
        leaderboard: the methods and their runs.
        runs: the folder of all runs.
        budget: how many bytes of pictures the page may have.

    Raises:
        InputError: where what a run stored is damaged.
    """
    board = leaderboard.board
    # All of it is checked, also what there will be no room for: damage is to be heard of.
    samples = _read_all_samples(board, runs)
    samples_of_patch = _group_by_patch(samples, board.header.seeds)
    patches: list[GalleryPatch] = []
    size = 0
    for name, samples_of_runs in samples_of_patch.items():
        patch = _draw_patch(name, samples_of_runs)
        size += patch.size
        # The first one is shown whatever its size: an empty gallery would say that there is none.
        if patches and size > budget:
            break
        patches.append(patch)
    return Gallery(
        methods=_order_methods(board, patches),
        reference=board.reference,
        classes=_list_class_colors(board),
        patches=tuple(patches),
        runs_without_pictures=_find_runs_without(board, samples),
        patches_left_out=len(samples_of_patch) - len(patches),
        tracks=_name_tracks(leaderboard),
    )


def _read_all_samples(board: Board, runs: Path) -> list[SampleOfRun]:
    samples = []
    for record in board.finished:
        folder = runs / record.key / "samples"
        # Checked against the record, whose classes give names and colours.
        for sample in read_samples(folder, len(record.classes)):
            samples.append(SampleOfRun(record, folder, sample))
    return samples


def _group_by_patch(
    samples: Sequence[SampleOfRun], seeds: Sequence[int]
) -> dict[str, list[SampleOfRun]]:
    """Put what the runs of a seed stored of the same patch together, seed after seed.

    Another seed may have another split, so its networks are not shown beside those of this one.
    """
    samples_of_patch: dict[str, list[SampleOfRun]] = {}
    for seed in seeds:
        for sample_of_run in samples:
            if sample_of_run.record.seed == seed:
                name = f"seed {seed}: {sample_of_run.sample.patch}"
                samples_of_patch.setdefault(name, []).append(sample_of_run)
    return samples_of_patch


def _find_runs_without(board: Board, samples: Sequence[SampleOfRun]) -> tuple[str, ...]:
    keys = {sample_of_run.record.key for sample_of_run in samples}
    names = []
    for record in board.finished:
        if record.key not in keys:
            names.append(f"{record.method}, seed {record.seed}")
    return tuple(names)


def _order_methods(board: Board, patches: Sequence[GalleryPatch]) -> tuple[str, ...]:
    pictured: set[str] = set()
    for patch in patches:
        pictured.update(view.method for view in patch.views)
    # In the order of the scenario; sorting is stable.
    methods = [name for name in board.header.method_names if name in pictured]
    return tuple(sorted(methods, key=lambda method: method == board.reference))


def _list_class_colors(board: Board) -> tuple[tuple[str, str], ...]:
    if not board.finished:
        return ()
    classes = board.finished[0].classes
    return tuple((recorded.name, pictures.css_color(recorded.color)) for recorded in classes)


def _name_tracks(leaderboard: Leaderboard) -> dict[str, str]:
    tracks: dict[str, str] = {}
    # With one track there is nothing to tell apart.
    if leaderboard.has_tracks:
        for table in leaderboard.tables:
            tracks.update(dict.fromkeys(table.board.header.method_names, str(table.track)))
    return tracks


def _draw_patch(name: str, samples: Sequence[SampleOfRun]) -> GalleryPatch:
    # Image and truth are the same for every run that stored the patch.
    first = samples[0]
    truth = first.read_truth()
    # Rows of the counts are true classes.
    pixels = first.sample.counts.sum(1)
    shares = pixels / max(1, pixels.sum())
    return GalleryPatch(
        name=name,
        image=pictures.draw_photo(first.read_image()),
        truth=pictures.draw_class_map(truth, first.colors),
        class_summary=_list_shares(first.class_names, shares),
        views=tuple(_draw_view(sample_of_run, truth) for sample_of_run in samples),
    )


def _draw_view(sample_of_run: SampleOfRun, truth: Pixels) -> PatchView:
    labels = sample_of_run.read_labels()
    prediction = sample_of_run.read_prediction()
    return PatchView(
        method=sample_of_run.record.method,
        weak_label=tuple(_draw_weak_label(sample_of_run, labels)),
        label_summary=_summarise_label(sample_of_run, labels),
        prediction=pictures.draw_class_map(prediction, sample_of_run.colors),
        errors=pictures.draw_errors(truth, prediction),
        score_summary=_summarise_prediction(sample_of_run),
    )


def _draw_weak_label(sample_of_run: SampleOfRun, labels: Pixels | None) -> list[str]:
    """Draw labels, or proportions where no pixel is labelled."""
    layers = []
    if labels is not None:
        layers = pictures.draw_weak_label(labels, sample_of_run.colors)
    proportions = sample_of_run.sample.regions
    if proportions is not None and not layers:
        layers = [pictures.draw_proportions(proportions, sample_of_run.colors)]
    return layers


def _summarise_label(sample_of_run: SampleOfRun, labels: Pixels | None) -> str:
    """Say what a method was given of a patch."""
    names = sample_of_run.class_names
    sample = sample_of_run.sample
    phrases = []
    if labels is not None:
        # IGNORE, where there is no label, is above all classes.
        labelled = int((labels < len(names)).sum())
        phrases.append(f"{labelled:,} of {labels.size:,} pixels labelled")
    if sample.regions is not None and len(sample.regions) == 1:
        phrases.append(f"proportions: {_list_shares(names, sample.regions[0])}")
    elif sample.regions is not None:
        phrases.append(f"proportions of {len(sample.regions)} regions")
    if sample.tags is not None:
        present = [name for name, tag in zip(names, sample.tags, strict=True) if tag]
        phrases.append(f"classes present: {', '.join(present)}")
    if sample.weak_label_error is not None:
        phrases.append(f"not drawn: {sample.weak_label_error}")
    return "; ".join(phrases) or "no labels"


def _summarise_prediction(sample_of_run: SampleOfRun) -> str:
    counts = sample_of_run.sample.counts
    miou = metrics.mean_iou(counts, sample_of_run.record.mean_indices)
    wrong = 1 - float(metrics.accuracy(counts))
    return f"mIoU {format_percent(miou)} %, {format_percent(wrong)} % of the pixels wrong"


def _list_shares(names: Sequence[str], shares: NDArray[np.float64]) -> str:
    """List the classes that have a share, the largest first."""
    phrases = []
    by_size = sorted(zip(shares.tolist(), names, strict=True), key=lambda pair: -pair[0])
    for share, name in by_size:
        if share > 0:
            phrases.append(f"{name} {format_percent(share)} %")
    return ", ".join(phrases) or "nothing scored"
