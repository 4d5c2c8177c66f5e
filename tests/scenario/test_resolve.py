"""Scenario files: what they become, and what is said of broken ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from harness.catalog import load_catalog
from harness.core.errors import InputError
from harness.scenario.resolve import read_scenario
from harness.scenario.scenario import Scenario
from harness.scenario.yaml_document import DocumentError

CATALOG = load_catalog(disabled=())
GOOD = """\
name: good
dataset: {name: synthetic-landcover, images: 12}
patches: {size: 64}
model: {name: smp, encoder: resnet18}
training: {epochs: 2}
seeds: 2
methods:
  full:
    supervision: full
    loss: cross-entropy
  points-{count}:
    sweep: {supervision.count: [1, 5]}
    supervision: points-per-class
    loss: partial-cross-entropy
profiles:
  smoke: {training: {epochs: 1}, seeds: 1}
published: {source: a paper, metric: mIoU, values: {points-5: 0.5}}
"""


def read(
    tmp_path: Path, text: str, profile: str | None = None, settings: tuple[str, ...] = ()
) -> Scenario:
    """Return the scenario of a text."""
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return read_scenario(path, CATALOG, profile, settings)


def mistakes(tmp_path: Path, text: str, **options: Any) -> list[str]:
    """Return what is wrong with a text, each with line and column, without the file."""
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, text, **options)
    return [re.sub(r"^.*s\.yaml:", "", str(problem)) for problem in caught.value.problems]


def test_a_good_scenario(tmp_path: Path) -> None:
    scenario = read(tmp_path, GOOD)
    assert [method.name for method in scenario.methods] == ["full", "points-1", "points-5"]
    assert scenario.methods[2].supervisions[0].settings() == {
        "name": "points-per-class",
        "count": 5,
        "unit": "scene",
    }
    assert scenario.seeds == (0, 1)
    assert scenario.mean_over == ("urban", "vegetation", "water", "bare soil", "road")
    assert scenario.board == "good"


def test_profiles_and_settings_merge(tmp_path: Path) -> None:
    scenario = read(
        tmp_path, GOOD, "smoke", ("training.learning_rate=1e-2", "model.encoder=resnet34")
    )
    assert scenario.training.epochs == 1
    assert scenario.training.learning_rate == 0.01
    assert scenario.seeds == (0,)
    assert scenario.model.settings()["encoder"] == "resnet34"
    assert re.fullmatch(r"good\.smoke\.set-[0-9a-f]{8}", scenario.board)


def test_a_split_given_by_its_kind_alone_merges_too(tmp_path: Path) -> None:
    text = GOOD.replace("seeds: 2", "seeds: 2\nsplit: group")
    text = text.replace("smoke: {", "smoke: {split: {test: ['00001']}, ")
    split = read(tmp_path, text, "smoke").split
    assert (split.by, split.test) == ("group", ("00001",))


def test_another_kind_of_split_keeps_the_other_fields(tmp_path: Path) -> None:
    text = GOOD.replace("seeds: 2", "seeds: 2\nsplit: {by: group, validation: 0.25}")
    split = read(tmp_path, text, settings=("split.by=scene",)).split
    assert (split.by, split.validation) == ("scene", 0.25)


def test_naming_another_component_replaces_all_of_it(tmp_path: Path) -> None:
    text = GOOD.replace("smoke: {", "smoke: {dataset: {name: aerial-dubai}, ")
    assert read(tmp_path, text, "smoke").dataset.settings() == {
        "name": "aerial-dubai",
        "folder": "aerial-dubai",
        "unlabeled": "ignore",
        "black": "ignore",
    }


def test_lists_of_supervisions_and_weighted_losses(tmp_path: Path) -> None:
    both = "supervision: [{name: points-per-class, count: 2}, points-per-image]"
    terms = "loss: [{name: partial-cross-entropy, weight: 0.5, ramp: 0.1}, partial-cross-entropy]"
    scenario = read(
        tmp_path, GOOD.replace("supervision: full", both).replace("loss: cross-entropy", terms)
    )
    full = scenario.methods[0]
    names = [supervision.name for supervision in full.supervisions]
    assert names == ["points-per-class", "points-per-image"]
    assert [(term.weight, term.ramp) for term in full.terms] == [(0.5, 0.1), (1.0, 0.0)]


def test_sweeps_cross_and_reach_into_lists(tmp_path: Path) -> None:
    text = GOOD.replace("points-{count}:", "p-{count}-{weight}:").replace(
        "{points-5: 0.5}", "{p-5-0.1: 0.5}"
    )
    text = text.replace("[1, 5]}", "[1, 5], loss.0.weight: [0.10, 2]}").replace(
        "loss: partial", "loss:\n      - partial"
    )
    scenario = read(tmp_path, text)
    assert [method.name for method in scenario.methods] == [
        "full",
        "p-1-0.1",
        "p-1-2",
        "p-5-0.1",
        "p-5-2",
    ]
    assert scenario.methods[-1].terms[0].weight == 2


BROKEN = [
    ("name: good", "name: Not Good", "1:7: name: 'Not Good': string should match pattern"),
    ("name: good\n", "", "1:1: name: is missing"),
    ("images: 12", "imags: 12", "2:38: dataset.imags: unknown field. Did you mean 'images'?"),
    (
        "images: 12",
        "images: 1",
        "2:46: dataset.images: 1: input should be greater than or equal to 3",
    ),
    (
        "synthetic-landcover",
        "synthetic-landcovr",
        (
            "2:17: dataset.name: no dataset named 'synthetic-landcovr'. Did you mean"
            " 'synthetic-landcover'?"
        ),
    ),
    ("size: 64", "size: 60", "3:17: patches.size: model 'smp' needs a multiple of 32, got 60"),
    ("size: 64", "size: 64, stride: 48", "3:10: patches: stride 48 must divide the size 64"),
    (
        "patches: {size: 64}",
        "split: offical",
        "3:8: split: 'offical': is not a choice. Did you mean 'official'?",
    ),
    (
        "patches: {size: 64}",
        "split: {by: patch, test: [a]}",
        "3:8: split: named test or validation groups need `by: group`",
    ),
    (
        "resnet18",
        "resnet43",
        "4:29: model.encoder: 'resnet43': no such encoder. Did you mean 'resnet34'?",
    ),
    (
        "encoder: resnet18",
        "weights: none.safetensors",
        "4:29: model.weights: 'none.safetensors': there is no file",
    ),
    (
        "epochs: 2",
        "epochs: 0",
        "5:20: training.epochs: 0: input should be greater than or equal to 1",
    ),
    ("epochs: 2", "epochs: two", "5:20: training.epochs: 'two': input should be a valid integer"),
    (
        "epochs: 2",
        "optimiser: adam",
        "5:12: training.optimiser: unknown field. Did you mean 'optimizer'?",
    ),
    (
        "epochs: 2",
        "augment: [flip]",
        "5:22: training.augment.0: 'flip': is not a choice. Did you mean 'flips'",
    ),
    (
        "seeds: 2",
        "seeds: [1, 1]",
        "6:8: seeds: write a number of seeds from 1, or a list of different numbers from 0",
    ),
    (
        "seeds: 2",
        "reference: ful",
        "6:12: reference: the reference 'ful' is not a method. Did you mean 'full'?",
    ),
    (
        "seeds: 2",
        "mean_over: [urben]",
        "6:13: mean_over.0: the data set has no class 'urben'. Did you mean 'urban'?",
    ),
    ("seeds: 2", "sedes: 2", "6:1: sedes: unknown field. Did you mean 'seeds'?"),
    (
        "supervision: full",
        "supervision: point",
        "9:18: methods.full.supervision: no supervision named 'point'. Did you mean",
    ),
    ("    supervision: full\n", "", "9:5: methods.full: a loss needs a supervision"),
    ("supervision: full", "supervision: []", "9:18: methods.full.supervision: is empty"),
    (
        "loss: cross-entropy",
        "loss: 3",
        "10:11: methods.full.loss: is a loss: its name, or {name: ..., field: value}.",
    ),
    (
        "loss: cross-entropy",
        "loss: {name: cross-entropy, weight: -1}",
        "10:41: methods.full.loss.weight: -1: input should be greater",
    ),
    (
        "loss: partial-cross-entropy",
        "loss: cross-entropy",
        "14:11: methods.points-{count}.loss: loss 'cross-entropy' needs dense, which",
    ),
    (
        "points-{count}",
        "points-{n}",
        "11:3: methods.points-{n}: {n} is not in the sweep. Known: count.",
    ),
    ("points-{count}", "points", "11:3: methods.points: there are two methods named 'points'"),
    (
        "supervision.count",
        "training.epochs",
        "12:13: methods.points-{count}.sweep.training.epochs: a sweep changes fields of",
    ),
    (
        "supervision.count: [1, 5]",
        "supervision.count: 5",
        "12:12: methods.points-{count}.sweep: is a mapping of fields to lists",
    ),
    (
        "epochs: 1}",
        "epochs: -1}",
        "16:30: training.epochs: -1: input should be greater than or equal to 1",
    ),
    ("smoke: {", "smoke: {name: x, ", "16:11: profiles.smoke.name: cannot be overridden"),
    (
        "points-5: 0.5",
        "points-6: 0.5",
        "17:53: published.values.points-6: is not a method. Did you mean 'points-5'?",
    ),
    (
        "values:",
        "compare: miu, values:",
        "17:53: published.compare: 'miu': is not a score. Did you mean 'miou'?",
    ),
    (
        "values:",
        "compare: iou, values:",
        "17:53: published.compare: 'iou': is not a score. Did you mean 'iou:CLASS'?",
    ),
    (
        "values:",
        "compare: iou:rode, values:",
        "17:53: published.compare: the data set has no class 'rode'. Did you mean 'road'?",
    ),
    (
        "values:",
        "compare: batch_miou, values:",
        "17:53: published.compare: batch_miou is computed where evaluation.batch_average is set",
    ),
    (
        "0.5}",
        "{miu: 0.5}}",
        "17:64: published.values.points-5.miu: 'miu': is not a score. Did you mean 'miou'?",
    ),
    (
        "0.5}",
        "{f1:rode: 0.5}}",
        (
            "17:64: published.values.points-5.f1:rode: the data set has no class 'rode'. Did you"
            " mean 'road'?"
        ),
    ),
    (
        "0.5}",
        "{batch_miou: 0.5}}",
        (
            "17:64: published.values.points-5.batch_miou: batch_miou is computed where"
            " evaluation.batch"
        ),
    ),
    (
        "0.5}",
        "{miou: 52}}",
        "17:70: published.values.points-5.miou: 52: input should be less than or equal to 1",
    ),
    ("0.5}", "many}", "17:63: published.values.points-5: 'many': input should be a valid number"),
    ("seeds: 2", "training: {}", "6:1: training: is written twice: keep one"),
    ("seeds: 2", "about: *x", "6:8: aliases (*name) are not used here: write the value"),
    ("seeds: 2", "seeds: [1, 2", "7:8: is not valid YAML"),
]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    BROKEN,
    ids=[message.split(": ")[1] + f"-{n}" for n, (_, _, message) in enumerate(BROKEN)],
)
def test_a_broken_scenario(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    problems = mistakes(tmp_path, GOOD.replace(old, new, 1))
    assert any(problem.startswith(message) for problem in problems), problems


def test_a_compared_class_is_checked_where_the_data_set_is_the_scenarios_own(
    tmp_path: Path,
) -> None:
    text = GOOD.replace("values:", "compare: iou:bare soil, values:")
    other = text.replace("smoke: {", "smoke: {dataset: aerial-dubai, ")
    for good_text in (text, other):
        scenario = read(tmp_path, good_text, "smoke")
        assert scenario.published is not None
        assert scenario.published.compare == "iou:bare soil"
    # Of a profile that keeps the data set, the mistake is told at its place in that profile.
    same = other.replace(
        "smoke: {", "plain: {published: {compare: 'iou:water bodies'}}\n  smoke: {"
    )
    (problem,) = mistakes(tmp_path, same)
    assert problem.startswith(
        "16:32: published.compare: the data set has no class 'water bodies'. Did you mean 'water'?"
    )
    with pytest.raises(
        InputError,
        match=(
            r"^--set published\.compare=f1:bear: published\.compare: the data set has no class"
            r" 'bear'"
        ),
    ):
        read(tmp_path, text, "smoke", ("published.compare=f1:bear",))


def test_several_scores_of_a_method_and_what_a_profile_changes(tmp_path: Path) -> None:
    text = GOOD.replace("points-5: 0.5", "full: 0.9, points-5: {miou: 0.5, f1:bare soil: 0.25}")
    scenario = read(
        tmp_path,
        text.replace("seeds: 1}", "model: {encoder: resnet34}, published: {deviations: [a, b c]}}"),
        "smoke",
    )
    assert scenario.published is not None
    assert scenario.published.values == {
        "full": 0.9,
        "points-5": {"miou": 0.5, "f1:bare soil": 0.25},
    }
    assert scenario.changes == (
        "training.epochs=1",
        "model.encoder=resnet34",
        "published.deviations=[a, b c]",
    )
    assert read(tmp_path, text).changes == ()


def test_all_mistakes_are_reported_at_once_in_order(tmp_path: Path) -> None:
    text = (
        GOOD.replace("images: 12", "imags: 1")
        .replace("epochs: 2", "epochs: 0")
        .replace("count: [1, 5]", "cont: [0]")
    )
    places = []
    for problem in mistakes(tmp_path, text):
        line, column = problem.split(":")[:2]
        places.append((int(line), int(column)))
    assert len(places) >= 3
    assert places == sorted(places)


def test_settings_are_named_by_their_option(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^--set training\.epochs=0: training\.epochs: 0: input should be greater"
    ):
        read(tmp_path, GOOD, settings=("training.epochs=0",))
    with pytest.raises(InputError, match=r"write it as field\.field=value"):
        read(tmp_path, GOOD, settings=("training.epochs",))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs: 2", "epochs: true", "training.epochs: True: write a number, not yes or no"),
        ("images: 12", "images: no", "dataset.images: False: write a number, not yes or no"),
        ("seeds: 2", "seeds: 99999999999", "seeds: 99999999999: is more than 1000 seeds"),
    ],
)
def test_numbers_that_are_none_or_too_many(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    (problem,) = mistakes(tmp_path, GOOD.replace(old, new))
    assert problem.endswith(message)


@pytest.mark.parametrize("text", ["", "[]", "just text"])
def test_files_that_hold_no_scenario(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)[0].startswith("1:1: ")


@pytest.mark.slow
def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_scenario(tmp_path / "none.yaml", CATALOG)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_scenario(tmp_path / "binary.yaml", CATALOG)
    (tmp_path / "nul.yaml").write_text("\0")
    with pytest.raises(
        InputError, match=r"^[^\n]*is not valid YAML: unacceptable character[^\n]*$"
    ):
        read_scenario(tmp_path / "nul.yaml", CATALOG)
    (tmp_path / "deep.yaml").write_text("a: " + "[" * 3000 + "]" * 3000)
    with pytest.raises(InputError, match="is nested too deeply"):
        read_scenario(tmp_path / "deep.yaml", CATALOG)


@pytest.mark.parametrize(
    "path",
    sorted(ROOT.glob("scenarios/*.yaml")),
    ids=lambda path: path.stem,
)
def test_shipped_scenarios_are_good(path: Path) -> None:
    scenario = read_scenario(path, CATALOG)
    assert scenario.name == path.stem
    assert path.read_text().startswith("# yaml-language-server: $schema=scenario.schema.json\n")
    for profile in re.findall(r"^  (mini|smoke):", path.read_text(), re.M):
        assert read_scenario(path, CATALOG, profile).profile == profile
