"""How much a score would change with other test images: a bootstrap over the groups of images of
the confusion counts in records.

The networks stay as they are, so this is not the interval over seeds, and neither contains the
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.leaderboard.statistics import LEVEL, Interval

SEED, DRAWS = 0, 2000


LEAST_GROUPS = 50
"""Groups of test images below which no interval is given: it would cover less than 94 %, see
`studentised`."""


Floats = NDArray[np.float64]


def image_interval(records: Sequence[Mapping[str, Any]]) -> Interval | str:
    """The interval over test images of a method's mean mIoU over seeds, from its records; or why
    there is none.

    Groups of images (tiles, volumes) are drawn whole, the same ones for all seeds and methods.
    """
    if not records:
        return "no run has finished"
    if (
        len(
            {
                tuple(sorted(zip(r["confusion"]["groups"], r["confusion"]["images"], strict=True)))
                for r in records
            }
        )
        > 1
    ):
        return "the seeds have different test images, so the interval over seeds holds that"
    names = sorted(set(records[0]["confusion"]["groups"]))
    if len(names) < LEAST_GROUPS:
        groups = "group" if len(names) == 1 else "groups"
        return (
            f"{len(names)} {groups} of test images, and fewer than {LEAST_GROUPS} give too narrow"
            " an interval"
        )
    classes = [entry["name"] for entry in records[0]["classes"]]
    counts = np.stack([_by_group(record["confusion"], names) for record in records])
    low, high = studentised(counts, [classes.index(name) for name in records[0]["mean_over"]])
    return Interval(low, high)


def _by_group(confusion: Mapping[str, Any], names: Sequence[str]) -> Floats:
    each = np.array(confusion["counts"], np.float64)
    grouped = np.zeros((len(names), *each.shape[1:]))
    np.add.at(grouped, np.searchsorted(names, confusion["groups"]), each)
    return grouped


def studentised(counts: Floats, listed: Sequence[int], draws: int = DRAWS) -> tuple[float, float]:
    """The studentised bootstrap interval (Efron and Tibshirani 1993, chapter 12.5) of the mean over
    S networks of the mIoU over the listed classes, from confusion counts [S, G, K, K] of G groups;
    within 0 and 1.

    The standard error of each draw is that of its linearisation, the sum over groups of the
    gradient times the group's counts.

    Simulated coverage of 4 classes that every group has (± 0.4): 93.3 % with 10 groups, 93.8 with
    20, 93.9 with 30, 94.3 with 50, 95.1 with 100. Where only 30 % of groups have one of the classes
    it covers less: 90.0 with 20, 92.5 with 50, 94.0 with 100. The percentile interval has 85.5 with
    10 groups, 89.9 with 20 and 92.9 with 50 in the first case, and BCa is no better. Where one
    group has all the errors, the interval goes to the end of the scale, since draws without that
    group have no variation.
    """
    networks, groups, size, _ = counts.shape
    flat = counts.reshape(networks, groups, size * size)
    # The raw bits of a generator are the same in every version of NumPy; its distributions need not
    # be.
    picks = (
        (np.random.PCG64(SEED).random_raw(draws * groups) % groups)
        .astype(np.int64)
        .reshape(draws, groups)
    )
    cells = np.arange(draws)[:, None] * groups + picks
    weights = (
        np.bincount(cells.ravel(), minlength=draws * groups)
        .reshape(draws, groups)
        .astype(np.float64)
    )
    totals = np.einsum("bg,sgk->bsk", weights, flat, optimize=True)
    score, error = _linearised(flat.sum(1)[None], flat, np.ones((1, groups)), listed, size)
    scores, errors = _linearised(totals, flat, weights, listed, size)
    if error[0] == 0:
        return float(score[0]), float(score[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num((scores - score) / errors, nan=0.0, posinf=np.inf, neginf=-np.inf)
    low, high = np.quantile(t, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return float(np.clip(score[0] - high * error[0], 0, score[0])), float(
        np.clip(score[0] - low * error[0], score[0], 1)
    )


def _linearised(
    totals: Floats, flat: Floats, weights: Floats, listed: Sequence[int], size: int
) -> tuple[Floats, Floats]:
    """Scores [B] of totals [B, S, K K], and their standard errors [B] over groups drawn `weights`
    [B, G] times."""
    counts = totals.reshape(*totals.shape[:2], size, size)
    correct = np.diagonal(counts, axis1=-2, axis2=-1)
    union = counts.sum(-1) + counts.sum(-2) - correct
    seen = (union > 0) & np.isin(np.arange(size), listed)
    safe = np.where(seen, union, 1)
    iou, classes = np.where(seen, correct / safe, 0), np.maximum(1, seen.sum(-1))
    # A pixel of class i predicted as j adds one to the unions of both; a correct one adds one to
    # the union and to what is correct.
    slope = np.where(seen, iou / safe, 0)
    gradient = -(slope[..., :, None] + slope[..., None, :])
    diagonal = np.arange(size)
    gradient[..., diagonal, diagonal] = np.where(seen, 1 / safe, 0) - slope
    gradient /= classes[..., None, None]
    influence = (
        np.einsum("bsk,sgk->bg", gradient.reshape(totals.shape), flat, optimize=True)
        / flat.shape[0]
    )
    groups = flat.shape[1]
    errors: Floats = np.sqrt((weights * influence**2).sum(1) * groups / (groups - 1))
    return (iou.sum(-1) / classes).mean(-1), errors
