"""A leaderboard as CSV: every figure of its page, and more decimals."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from harness.leaderboard.board import Board
from harness.leaderboard.rows import Row, named_floor, rows, smoke
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
    table = rows(board)
    tested, resampled, floor = tests(board, table), images(board, table), named_floor(board)
    lines = []
    for row in table:
        line: dict[str, Any] = {
            "method": row.method,
            "standing": "smoke" if smoke(board.header) else row.standing,
            "rank": row.rank,
            "track": track,
        }
        line |= {
            "seeds": len(row.miou),
            "planned": row.planned,
            "failed": row.failed,
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
            "accuracy": row.accuracy.mean,
            "macro_f1": row.macro_f1.mean,
        }
        line |= {
            name: row.details[name].mean if name in row.details else None
            for name in SCORES
            if any(name in r.details for r in table)
        }
        line |= {
            "labelled_pixels": row.labelled_pixels,
            "labelled_share": row.labelled_share,
            "annotated_images": row.annotated_images,
        }
        line |= {
            "clicks": row.clicks,
            "annotation_seconds": row.annotation_seconds,
            "selection_seconds": row.selection_seconds,
        }
        line |= {"hidden_knowledge": "; ".join(row.hidden_knowledge)}
        line |= (
            {"total_variation": row.total_variation}
            if any(not math.isnan(r.total_variation) for r in table)
            else {}
        )
        line |= {"seconds": row.seconds}
        line |= {f"iou_{name}": value.mean for name, value in row.iou.items()}
        for score in dict.fromkeys(score for other in table for score in other.published):
            name = score.replace(":", "_")
            line[f"published_{name}"] = row.published.get(score)
            line[f"reproduced_{name}"] = (
                row.reproduced[score].mean if score in row.reproduced else None
            )
        line["miou_per_seed"] = " ".join(f"{seed}:{value:.6f}" for seed, value in row.miou.items())
        lines.append({name: _plain(value) for name, value in line.items()})
    return lines


def _scores(row: Row) -> dict[str, float]:
    values = list(row.miou.values()) or [math.nan]
    return (
        {"miou": row.score.mean, "miou_sd": row.score.sd}
        | _interval("miou", row.score.interval)
        | {
            "miou_median": row.median,
            "miou_interquartile_mean": row.interquartile_mean,
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
