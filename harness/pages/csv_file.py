"""A leaderboard as CSV: every figure of its page, and more decimals."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row, named_floor
from harness.leaderboard.selection_tracks import split_by_track
from harness.leaderboard.significance import PairedTest
from harness.leaderboard.statistics import NO_INTERVAL, Interval, Ratio
from harness.pages.sections.results import SCORES, images, tests

FIRST_COLUMNS = "method,standing,rank,track,"


def to_csv(board: Board) -> str:
    """A line per method, six decimals, empty where nothing is known. Scores are fractions,
    differences fractions of 1 mIoU.

    _low and _high are the ends of 95 % intervals: over seeds (Student's t; Fieller for of_reference
    and gap_closed), and in images_low and images_high over test images. p: of paired tests against
    the reference, of the t test and of the exact one, and after Holm. published_ and reproduced_:
    what a source reports, and ours in the same score.
    """
    lines = [
        line for track, part in split_by_track(board).items() for line in _lines(part, str(track))
    ]
    out = io.StringIO()
    columns = dict.fromkeys(
        column for line in sorted(lines, key=len, reverse=True) for column in line
    )
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _lines(board: Board, track: str) -> list[dict[str, str]]:
    table = analyse(board).rows
    tested, resampled, floor = tests(board, table), images(board, table), named_floor(board)
    lines = []
    for row in table:
        line: dict[str, Any] = {
            "method": row.method,
            "standing": "smoke" if board.header.is_smoke else row.standing,
            "rank": row.rank,
            "track": track,
        }
        line |= {
            "seeds": len(row.scores.miou),
            "planned": row.runs.planned,
            "failed": row.runs.failed,
            "missing": row.missing,
        }
        line |= _scores(row) | _interval("images", resampled.get(row.method))
        line |= {
            "difference": row.against.difference.mean,
            "difference_sd": row.against.difference.sd,
        }
        line |= _interval("difference", row.against.difference.interval) | _tests(
            tested.get(row.method)
        )
        line |= (
            _ratio("of_reference", row.against.recovery)
            | {"floor": floor}
            | _ratio("gap_closed", row.gap_closed)
        )
        line |= {
            "collapsed": row.collapsed,
            "accuracy": row.scores.accuracy.mean,
            "macro_f1": row.scores.macro_f1.mean,
        }
        line |= {
            name: row.scores.details[name].mean if name in row.scores.details else None
            for name in SCORES
            if any(name in r.scores.details for r in table)
        }
        line |= {
            "labelled_pixels": row.annotation.labelled_pixels,
            "labelled_share": row.annotation.labelled_share,
            "annotated_images": row.annotation.images,
        }
        line |= {
            "clicks": row.annotation.clicks,
            "annotation_seconds": row.annotation.seconds,
            "selection_seconds": row.annotation.selection_seconds,
        }
        line |= {"hidden_knowledge": "; ".join(row.annotation.hidden_knowledge)}
        line |= (
            {"total_variation": row.annotation.total_variation}
            if any(not math.isnan(r.annotation.total_variation) for r in table)
            else {}
        )
        line |= {"seconds": row.seconds}
        line |= {f"iou_{name}": value.mean for name, value in row.scores.iou.items()}
        for score in dict.fromkeys(
            score for other in table for score in other.reproduction.published
        ):
            name = score.replace(":", "_")
            line[f"published_{name}"] = row.reproduction.published.get(score)
            line[f"reproduced_{name}"] = (
                row.reproduction.ours[score].mean if score in row.reproduction.ours else None
            )
        line["miou_per_seed"] = " ".join(
            f"{seed}:{value:.6f}" for seed, value in row.scores.miou.items()
        )
        lines.append({name: _plain(value) for name, value in line.items()})
    return lines


def _scores(row: Row) -> dict[str, float]:
    values = list(row.scores.miou.values()) or [math.nan]
    return (
        {"miou": row.scores.mean_miou.mean, "miou_sd": row.scores.mean_miou.sd}
        | _interval("miou", row.scores.mean_miou.interval)
        | {
            "miou_median": row.scores.median_miou,
            "miou_interquartile_mean": row.scores.interquartile_mean_miou,
            "miou_min": min(values),
            "miou_max": max(values),
        }
    )


def _ratio(name: str, ratio: Ratio) -> dict[str, float]:
    return {name: ratio.value} | _interval(name, ratio.interval)


def _interval(name: str, interval: Interval | str | None) -> dict[str, float]:
    known = NO_INTERVAL if interval is None or isinstance(interval, str) else interval
    return {f"{name}_low": known.low, f"{name}_high": known.high}


def _tests(test: PairedTest | None) -> dict[str, float | None]:
    if test is None:
        return dict.fromkeys(("p", "p_holm", "p_exact", "p_exact_holm"))
    exact = (test.exact, test.exact_adjusted) if test.testable else (None, None)
    return {"p": test.p, "p_holm": test.adjusted, "p_exact": exact[0], "p_exact_holm": exact[1]}


def _plain(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    # without a negative zero
    return f"{round(value, 6) + 0.0:.6f}" if isinstance(value, float) else str(value)
