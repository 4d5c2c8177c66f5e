"""A leaderboard's rows as Markdown, CSV and a few columns for the terminal."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from harness.boards import Board
from harness.leaderboard import FLOOR, Row, rows
from harness.statistics import Spread, spread


def write_board(board: Board, root: Path) -> list[Path]:
    """Writes the Markdown and CSV of a board below `root`, and returns their paths."""
    written = []
    for suffix, text in ((".md", to_markdown(board)), (".csv", to_csv(board))):
        written.append(root / f"{board.header['board']}{suffix}")
        written[-1].write_text(text, encoding="utf-8")
    return written


def headline(board: Board) -> str:
    """The few columns that fit a terminal."""
    reference = board.header["reference"]
    lines = [
        (row.method, _number(100 * row.score.mean, 1), _points(row.against.difference), _number(100 * row.against.ratio, 1), row.score.n)
        for row in rows(board)
    ]
    columns = ("method", "mIoU (%)", f"vs {reference} (pp)", f"% of {reference}", "seeds")
    return tabulate(lines, columns, disable_numparse=True, colalign=("left", *["right"] * 4))


def to_csv(board: Board) -> str:
    """A line per method; scores are fractions, differences fractions of 1 mIoU, empty where nothing is known."""
    lines = []
    for row in rows(board):
        line: dict[str, Any] = {"method": row.method, "seeds": len(row.miou), "planned": row.planned, "failed": row.failed}
        line |= {"missing": row.missing, "miou": row.score.mean, "miou_sd": row.score.sd}
        line |= {"difference": row.against.difference.mean, "difference_sd": row.against.difference.sd}
        line |= {"of_reference": row.against.ratio, "accuracy": row.accuracy.mean, "macro_f1": row.macro_f1.mean}
        line |= {"labelled_pixels": row.labelled_pixels, "labelled_share": row.labelled_share, "seconds": row.seconds}
        line["published"] = row.published
        line |= {f"iou_{name}": value.mean for name, value in row.iou.items()}
        line["miou_per_seed"] = " ".join(f"{seed}:{value:.6f}" for seed, value in row.miou.items())
        lines.append(line)
    return pd.DataFrame(lines).to_csv(index=False, float_format="%.6f", lineterminator="\n")


def to_markdown(board: Board) -> str:
    """The leaderboard as a page: headline table, legend, per-class IoU, every single result, failures, and how it was made."""
    header, table = board.header, rows(board)
    profile = f", profile {header['profile']}" if header["profile"] else ""
    overrides = f" ({', '.join(header['overrides'])})" if header["overrides"] else ""
    blocks = [f"# {_text(header['scenario'] + profile + overrides)}", _text(header["about"])]
    blocks += [_headline(header, table), _legend(header, table), "## IoU of each class (%)", _per_class(table)]
    blocks += _reproduction(board, table)
    blocks += ["## Every result: mIoU (%) by seed", _by_seed(header, table), *_failures(board), *_setup(board)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _headline(header: Mapping[str, Any], table: list[Row]) -> str:
    reference = _text(header["reference"])
    published = header["published"] is not None
    columns = ["method", "mIoU (%)", f"difference to {reference} (pp)", f"% of {reference}", "labelled pixels", "of all (%)"]
    columns += ["published (%)"] if published else []
    columns += ["accuracy (%)", "F1 (%)", "s / run", "seeds"]
    lines = []
    for row in table:
        is_reference, is_floor = row.method == header["reference"], row.method == FLOOR
        line = [f"*{FLOOR}*" if is_floor else _text(row.method), _percent(row.score)]
        line += ["reference" if is_reference else _points(row.against.difference)]
        line += [_number(100 * row.against.ratio, 1), _pixels(row.labelled_pixels), _share(100 * row.labelled_share)]
        line += [_number(None if row.published is None else 100 * row.published, 1)] if published else []
        line += [_percent(row.accuracy), _percent(row.macro_f1), _number(row.seconds, 1), "" if is_floor else _seeds(row)]
        lines.append(line)
    return _table(lines, columns)


def _legend(header: Mapping[str, Any], table: list[Row]) -> str:
    sentences = [
        "Scores are of the whole test set (confusion counts summed over images): mean ± sample standard deviation over seeds.",
        "Differences are paired by seed: same split, initialisation and supervision draw; F1 is the mean over classes.",
        "Labelled pixels are those of the training split, counted by the harness.",
        f"*{FLOOR}* predicts the commonest test class everywhere.",
    ]
    if any(len(row.miou) < 2 for row in table):
        sentences.append("No ± where there is one seed.")
    if header["published"]:
        source, metric = _text(header["published"]["source"]), _text(header["published"]["metric"])
        sentences.append(f"Published: {source}; its metric: {metric}.")
    return " ".join(sentences)


def _reproduction(board: Board, table: list[Row]) -> list[str]:
    """Published scores beside ours in the source's own metric, and what explains a difference."""
    published = board.header["published"]
    done = [record for record in board.records if record["status"] == "ok"]
    if not published or not done:
        return []
    lines = []
    for row in table:
        if row.published is not None:
            difference = spread([row.reproduced.mean - row.published]) if row.reproduced.n else spread([])
            ours, count = _percent(row.reproduced), str(row.reproduced.n)
            lines.append([_text(row.method), _number(100 * row.published, 1), ours, count, _points(difference)])
    reasons = [f"initialisation here: {', '.join(dict.fromkeys(record['initialisation'] for record in done))}"]
    reasons += [f"profile {board.header['profile']}"] if board.header["profile"] else []
    reasons += [*board.header["overrides"], *published.get("deviations", ())]
    columns = ["method", "published (%)", "ours (%)", "n", "difference (pp)"]
    measure = published.get("compare", "miou")
    return ["## Reproduction", _table(lines, columns), _text(f"Our score here is {measure}. Deviations: {'; '.join(reasons)}.")]


def _per_class(table: list[Row]) -> str:
    names = next((list(row.iou) for row in table if row.iou), [])
    lines = [[_text(row.method), *(_percent(row.iou[name]) if name in row.iou else "–" for name in names)] for row in table]
    return _table(lines, ["method", *map(_text, names)])


def _by_seed(header: Mapping[str, Any], table: list[Row]) -> str:
    lines = [[_text(row.method), *(_number(100 * row.miou[s], 2) if s in row.miou else "–" for s in header["seeds"])] for row in table]
    return _table(lines, ["method", *(f"seed {seed}" for seed in header["seeds"])])


def _failures(board: Board) -> list[str]:
    lines = []
    for record in board.records:
        if record["status"] == "failed":
            error = f"{record['error']['type']}: {record['error']['message']}"
            lines.append(f"- {_text(record['method'])}, seed {record['seed']}: failed: {_text(error)}")
        elif record["status"] == "missing":
            lines.append(f"- {_text(record['method'])}, seed {record['seed']}: missing: not run yet")
    return ["## Failed and missing runs", "\n".join(lines)] if lines else []


def _setup(board: Board) -> list[str]:
    done = [record for record in board.records if record["status"] == "ok"]
    if not done:
        return []
    settings, header = done[0]["settings"], board.header

    def every(values: Iterable[Any]) -> str:
        return _text("; ".join(dict.fromkeys(map(str, values))))

    def plain(section: Mapping[str, Any]) -> str:
        hidden = {"name", "version", "source", "content"}
        return ", ".join(f"{key} {_shown(value)}" for key, value in section.items() if key not in hidden)

    sizes = (f"{r['split']['train']['patches']} / {r['split']['validation']['patches']} / {r['split']['test']['patches']}" for r in done)
    packages = ("torch", "segmentation-models-pytorch", "numpy", "weakseg-harness")
    facts = {
        "data set": f"{settings['dataset']['name']} ({plain(settings['dataset']) or 'no settings'}); {header['dataset']['source']};"
        f" licence: {header['dataset']['licence']}",
        "mean over": ", ".join(done[0]["mean_over"]),
        "patches": plain(settings["patches"]),
        "split": f"{_split(settings['split'])}; patches for training / validation / test: {every(sizes)}",
        "model": f"{settings['model']['name']} ({plain(settings['model'])}), {done[0]['parameters']:,} parameters",
        "initialisation": every(record["initialisation"] for record in done),
        "training": plain(settings["training"]),
        "hardware": every(f"{r['hardware']['device']}: {r['hardware']['name']}, {r['hardware']['precision']}" for r in done),
        "versions": every(", ".join(f"{name} {r['packages'][name]}" for name in packages if name in r["packages"]) for r in done),
        "selection": _selection(settings["training"]),
        "protocol": settings["protocol"],
    }
    lines = [
        [f"**{name}**", fact if name in ("initialisation", "hardware", "versions") else _text(str(fact))] for name, fact in facts.items()
    ]
    profile = f" --profile {header['profile']}" if header["profile"] else ""
    options = "".join(f" --set {setting}" for setting in header["overrides"])
    again = (
        f"Runs: `harness run scenarios/{header['scenario']}.yaml{profile}{options}`. This page: `harness leaderboard {header['board']}`."
    )
    return ["## How it was made", _table(lines, ["", ""]), again]


def _selection(training: Mapping[str, Any]) -> str:
    """How the network that is reported was chosen."""
    validation = training.get("validation", "none")
    if training.get("selection", "last") == "last":
        stopped = f", stopped early by validation {validation}" if training.get("patience") else ""
        return f"none: the network of the last epoch{stopped}, tested once"
    labels = "densely labelled images" if validation == "miou" else "the weak labels of validation images"
    return f"the best validation {validation}, so chosen with {labels}"


def _split(settings: Mapping[str, Any]) -> str:
    """The settings of a split that its kind uses."""
    used = {"official": ("by",), "leave-one-group-out": ("by", "seed")}.get(settings["by"], tuple(settings))
    return ", ".join(f"{key} {_shown(settings[key])}" for key in used if settings.get(key) is not None)


def _table(lines: list[list[str]], columns: list[str]) -> str:
    aligned = ["left"] + ["right"] * (len(columns) - 1) if columns[0] else ["left"] * len(columns)
    return tabulate(lines, columns, tablefmt="pipe", colalign=aligned, disable_numparse=True)


def _text(text: str) -> str:
    """Text that Markdown shows as it is."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _percent(value: Spread) -> str:
    sd = "" if math.isnan(value.sd) else f" ± {100 * value.sd:.1f}"
    return _number(100 * value.mean, 1) + sd


def _points(value: Spread) -> str:
    if not value.n:
        return "–"
    sd = "" if math.isnan(value.sd) else f" ± {100 * value.sd:.1f}"
    return f"{100 * value.mean:+.1f}{sd}".replace("-", "−")


def _pixels(value: float) -> str:
    return "–" if math.isnan(value) else f"{round(value):,}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def _seeds(row: Row) -> str:
    notes = [f"{row.failed} failed"] * bool(row.failed) + [f"{row.missing} missing"] * bool(row.missing)
    return f"{len(row.miou)}" + (f" ({', '.join(notes)})" if notes else "")
