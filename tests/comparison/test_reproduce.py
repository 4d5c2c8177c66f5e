"""`harness reproduce`: settings round-trip through a record, the verdict, and the command on a tiny
scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import demo
import numpy as np
import pytest
import yaml
from installed import TINY, Workplace
from places import ROOT
from scipy import stats

from harness.catalog import load_catalog
from harness.cli.main import main
from harness.comparison.rebuild import rebuild
from harness.comparison.reproduce import verdict
from harness.core.errors import InputError
from harness.execution.local import cores, share_cores
from harness.metrics import summary
from harness.plan.runs import expand
from harness.scenario.resolve import read_scenario

CATALOG = load_catalog(disabled=())
PROFILES = [
    (path, profile)
    for path in sorted(ROOT.glob("scenarios/*.yaml"))
    for profile in (None, *yaml.safe_load(path.read_text(encoding="utf-8")).get("profiles", {}))
]


def stored(
    path: Path, profile: str | None = None, settings: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """What records of a scenario keep of its runs, without running them, as JSON gives it back; and
    the run's key."""
    scenario = read_scenario(path, CATALOG, profile, settings)
    found = [
        {
            **run.title,
            "key": run.key,
            "settings": run.settings,
            "mean_over": scenario.mean_over,
            "classes": [{"name": each.name} for each in scenario.dataset.classes],
        }
        for run in expand(scenario, "content")
    ]
    loaded: list[dict[str, Any]] = json.loads(json.dumps(found))
    return loaded


@pytest.mark.parametrize(
    ("path", "profile"), PROFILES, ids=lambda value: getattr(value, "stem", str(value))
)
def test_every_run_of_every_scenario_comes_back_from_its_settings(
    path: Path, profile: str | None
) -> None:
    for record in stored(path, profile)[-12:]:
        scenario = rebuild(record, record["seed"], CATALOG, "record")
        (run,) = expand(scenario, "content")
        assert (run.key, run.settings) == (
            record["key"],
            record["settings"] | {"evaluation": run.settings["evaluation"]},
        )
        assert run.title == {name: record[name] for name in run.title}


def test_a_record_from_before_a_field_existed_has_the_same_key(tmp_path: Path) -> None:
    (record,) = stored(write(tmp_path, "full: {supervision: full, loss: cross-entropy}"))
    for section, field in (("patches", "resize"), ("training", "patience")):
        del record["settings"][section][field]
    del record["settings"]["evaluation"]
    (run,) = expand(rebuild(record, 0, CATALOG, "record"), "content")
    assert run.key == record["key"]


def test_names_with_braces_and_another_seed(tmp_path: Path) -> None:
    method = (
        "'{supervision} {x': {sweep: {supervision.0: [{name: points-per-class, count: 3}]},"
        " supervision: [full], loss: cross-entropy}"
    )
    path = write(tmp_path, "full: {supervision: full, loss: cross-entropy}")
    (record,) = stored(path)
    scenario = rebuild({**record, "method": method}, 7, CATALOG, "record")
    (run,) = expand(scenario, "content")
    assert (run.method.name, run.seed, run.scenario.reference) == (method, 7, method)


def write(
    folder: Path, methods: str, dataset: str = "{name: synthetic-landcover, images: 9, size: 64}"
) -> Path:
    path = folder / "s.yaml"
    path.write_text(
        f"name: s\ndataset: {dataset}\npatches: {{size: 32}}\nmodel: {{name: smp}}\nseeds:"
        f" 1\nmethods:\n  {methods}\n"
    )
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record["settings"].pop("patches"), "lacks settings.patches"),
        (lambda record: record.pop("mean_over"), "lacks mean_over"),
        (lambda record: record.pop("settings"), "lacks settings"),
        (
            lambda record: record["settings"]["loss"][0].update(gamma=2),
            "here: methods.row.loss.0.gamma: unknown field",
        ),
        (
            lambda record: record["settings"]["loss"][0].update(name="cros-entropy"),
            "no loss named 'cros-entropy'. Did you mean",
        ),
        (
            lambda record: record["settings"]["dataset"].update(name="folder"),
            "no dataset named 'folder'",
        ),
        (
            lambda record: record["settings"]["dataset"].update(name="image-folder"),
            "give --set dataset.folder=...",
        ),
        (lambda record: record["mean_over"].append("sea"), "has no class 'sea'"),
    ],
)
def test_a_record_that_cannot_be_run_again_says_why(
    tmp_path: Path, change: Any, message: str
) -> None:
    (record,) = stored(write(tmp_path, "full: {supervision: full, loss: cross-entropy}"))
    change(record)
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        rebuild(record, 0, CATALOG, "here")


def test_only_where_data_lies_may_be_set(tmp_path: Path) -> None:
    (record,) = stored(
        write(
            tmp_path,
            "full: {supervision: full, loss: cross-entropy}",
            "{name: massachusetts-buildings, folder: a}",
        )
    )
    scenario = rebuild(record, 0, CATALOG, "here", ["dataset.folder=elsewhere"])
    assert scenario.dataset.settings()["folder"] == "elsewhere"
    with pytest.raises(
        InputError, match=r"--set training.epochs: .* dataset.folder, dataset.layout may be set"
    ):
        rebuild(record, 0, CATALOG, "here", ["training.epochs=1"])


def result(seed: int, correct: int) -> dict[str, Any]:
    """A record whose score is the IoU of class a: `correct` of its 1000 pixels."""
    counts = [[[correct, 1000 - correct], [0, 0]]]
    confusion = {"images": ["x"], "groups": ["x"], "counts": counts}
    return {
        "seed": seed,
        "classes": [{"name": "a"}, {"name": "b"}],
        "mean_over": ["a"],
        "confusion": confusion,
    }


def of(*correct: int, first: int = 0) -> dict[int, dict[str, Any]]:
    return {seed: result(seed, value) for seed, value in enumerate(correct, first)}


RECORDED = of(700, 720, 740)
HALF = float(stats.t.ppf(0.975, 2)) * 20 / 3**0.5  # 49.7 of 1000


def test_all_seeds_again_are_held_against_the_interval_of_the_mean() -> None:
    low, high = (stats.t.interval(0.95, 2, 720, 20 / 3**0.5)[side] for side in (0, 1))
    assert (720 - low, high - 720) == pytest.approx((HALF, HALF))
    for offset, inside in ((-50, False), (-49, True), (49, True), (50, False)):
        found, sentence = verdict(RECORDED, of(*(value + offset for value in (700, 720, 740))))
        assert found is inside
        assert (
            f"{'inside' if inside else 'OUTSIDE'} the 95 % t interval of the row, 67.03 to 76.97 %"
            " (n = 3)" in sentence
        )


def test_some_seeds_or_new_ones_are_held_against_the_wider_interval_for_new_runs() -> None:
    half = HALF * 2  # sqrt(1/3 + 1/1) over sqrt(1/3)
    for offset, inside in ((half - 1, True), (half + 1, False)):
        assert verdict(RECORDED, of(round(720 + offset), first=1))[0] is inside
        assert verdict(RECORDED, of(round(720 - offset), first=9))[0] is inside
    assert "for 1 more run, 62.06 to 81.94" in verdict(RECORDED, of(720, first=9))[1]


def test_the_same_counts_are_inside_whatever_the_interval() -> None:
    assert verdict(RECORDED, {2: RECORDED[2]}) == (
        True,
        "bit-identical: all confusion counts are those recorded",
    )
    constant = of(700, 700, 700)
    assert verdict(constant, of(700, 700, 703))[0] is True  # a mean 0.1 pp off, and no spread
    assert verdict(constant, of(700, 700, 704))[0] is False


def test_too_few_seeds_for_an_interval_are_compared_one_by_one() -> None:
    assert verdict(of(700), of(701)) == (
        True,
        (
            "1 recorded seed: too few for an interval; mIoU of the same seed is off by 0.10 pp,"
            " within 0.1 pp"
        ),
    )
    found, sentence = verdict(of(700, 720), of(700, 722))
    assert (found, sentence) == (
        False,
        (
            "2 recorded seeds: too few for an interval; mIoU of the same seed is off by 0.20 pp,"
            " more than 0.1 pp"
        ),
    )
    found, sentence = verdict(of(700), of(700, first=5))
    assert not found
    assert "no record of seed 5" in sentence


def test_the_command(workplace: Workplace) -> None:
    def reproduce(*arguments: str, code: int) -> str:
        done = workplace.harness("reproduce", *arguments, "--executor", "inline")
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    assert workplace.harness("run", "tiny.yaml").returncode == 0
    (workplace.folder / "tiny.yaml").unlink()  # the record is enough
    board = workplace.folder / "leaderboards" / "records" / "tiny.jsonl"
    text = board.read_text()
    key = next(
        json.loads(line)["key"]
        for line in text.splitlines()[1:]
        if json.loads(line)["method"] == "points-5"
    )

    same = reproduce("tiny", "points-5", code=0)
    assert "settings, source and data are as recorded" in same
    assert "bit-identical" in same
    assert (workplace.folder / "runs" / key / "record.1.json").exists()
    assert board.read_text() == text  # a board changes by harness run alone

    plugin = workplace.site / "harness_example" / "__init__.py"
    plugin.write_text(plugin.read_text() + "\nUNUSED = 1\n")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines[1:]:
        line["confusion"]["counts"] = [[[10 * (i == j) for j in range(5)] for i in range(5)]]
        line["confusion"] |= {"images": ["x"], "groups": ["x"]}
        line |= {
            "metrics": summary(np.eye(5, dtype=int), line["mean_over"], line["mean_over"]),
            "details": {},
        }
        line["packages"]["numpy"] = "0.1"
    board.write_text("".join(json.dumps(line) + "\n" for line in lines))
    other = reproduce("tiny", "full", code=1)
    assert "changed since: model.source: " in other
    assert "so the key of seed 0 is" in other
    assert "1 recorded seed: too few for an interval" in other
    assert "packages.numpy" in other


def test_runs_have_the_cpu_threads_of_their_records(workplace: Workplace) -> None:
    """Two runs at once share the cores; one alone would have them all."""
    assert workplace.harness("run", "tiny.yaml", "--jobs", "2").returncode == 0
    board = workplace.folder / "leaderboards" / "records" / "tiny.jsonl"
    lines = [json.loads(line) for line in board.read_text().splitlines()]
    (recorded,) = [line for line in lines[1:] if line["method"] == "full"]
    threads = recorded["hardware"]["threads"]
    alone = workplace.harness("reproduce", "tiny", "full")
    assert (
        f"computed with {threads} CPU thread{'s' if threads > 1 else ''}, as recorded"
        in alone.stdout
    )
    assert "bit-identical" in alone.stdout
    again = json.loads((workplace.folder / "runs" / recorded["key"] / "record.json").read_text())
    assert again["hardware"]["threads"] == threads

    board.write_text(board.read_text().replace(f'"threads": {threads}', '"threads": 999'))
    more = workplace.harness("reproduce", "tiny", "full")
    assert (
        f"recorded with 999 CPU threads, of which this machine has {cores()}: mIoU can be"
        in more.stdout
    )
    again = json.loads((workplace.folder / "runs" / recorded["key"] / "record.json").read_text())
    assert again["hardware"]["threads"] == cores()
    board.write_text(board.read_text().replace(', "threads": 999', ""))
    assert (
        "the record does not say how many CPU threads"
        in workplace.harness("reproduce", "tiny", "full").stdout
    )


def test_as_many_runs_at_a_time_as_their_threads_leave_room_for() -> None:
    assert share_cores(cores=8, jobs=None, count=20, wanted=1) == (8, 1)
    assert share_cores(cores=8, jobs=None, count=2, wanted=1) == (2, 4)
    assert share_cores(cores=8, jobs=None, count=20, wanted=4) == (2, 4)
    assert share_cores(cores=2, jobs=None, count=20, wanted=8) == (1, 2)
    assert share_cores(cores=2, jobs=4, count=20, wanted=1) == (4, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiyn", "full"), "Did you mean 'tiny'?"),
        (("tiny", "ful"), "Did you mean 'full'?"),
        (("tiny", "most frequent class"), "there is nothing to run"),
        (("tiny", "lost"), "no finished run is recorded (missing)"),
        (
            ("tiny", "full", "--seed", "-1"),
            "--seed -1: tiny has no such seed of 'full': its seeds are 0",
        ),
        (
            ("tiny", "full", "--seed", "0", "--seed", "7"),
            "--seed 7: tiny has no such seed of 'full'",
        ),
        (("tiny", "full", "--set", "training.epochs=1"), "a run is made again as it was"),
        (("tiny", "full", "--executor", "nowhere"), "no executor named 'nowhere'"),
    ],
)
def test_mistakes(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    (record,) = stored(write(tmp_path, "full: {supervision: full, loss: cross-entropy}"))
    methods = [{"name": name, "about": ""} for name in ("full", "lost")]
    plan = {name: record[name] for name in ("scenario", "profile", "overrides")} | {
        "seeds": [0],
        "methods": methods,
        "published": None,
    }
    header = (
        demo.HEADER
        | plan
        | {
            "board": "tiny",
            "dataset": {"name": "synthetic-landcover", "source": "", "licence": ""},
        }
    )
    names, counts = record["mean_over"], np.eye(len(record["mean_over"]), dtype=int)
    done = demo.record("full", 0, [[1, 0], [0, 1]], 100, 1.0) | record
    done |= {
        "classes": [{"name": name, "color": [0, 0, 0]} for name in names],
        "metrics": summary(counts, names, names),
    }
    done["confusion"] = {"images": ["x"], "groups": ["x"], "counts": [counts.tolist()]}
    lines = [header, done, {"method": "lost", "seed": 0, "status": "missing", "key": "0"}]
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "tiny.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines)
    )
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    assert main(["reproduce", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_run_that_fails_is_told_by_the_exit_code(workplace: Workplace) -> None:
    workplace.write(
        "tiny.yaml",
        TINY.replace("full: {supervision: full, loss: cross-entropy}", "full: {floor: majority}"),
    )
    assert workplace.harness("run", "tiny.yaml", "--only", "full").returncode == 0
    board = workplace.folder / "leaderboards" / "records" / "tiny.jsonl"
    board.write_text(
        board.read_text().replace(
            '"floor": "majority"',
            '"floor": "qda", "supervision": [{"name": "points-per-image", "count": 1}]',
        )
    )
    done = workplace.harness("reproduce", "tiny", "full", "--executor", "inline")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "failed: seed 0: ValueError" in done.stdout
