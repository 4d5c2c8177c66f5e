"""The folded tables of scores, annotation and published numbers, counted by hand."""

from __future__ import annotations

from dataclasses import replace

from demo import only_table, texts_of
from reported import BOARD, POINTS

from harness.pages.sections.annotation import tabulate_costs
from harness.pages.sections.reproduction import tabulate_reproduction
from harness.pages.sections.results import (
    tabulate_classes,
    tabulate_recovery,
    tabulate_scores,
    tabulate_seeds,
    tabulate_test_images,
)

TABLE = only_table(BOARD)


def test_every_run_and_its_spread() -> None:
    full, weak, *_ = texts_of(tabulate_seeds(TABLE))
    assert full["seed 1"] == "100.00"
    assert full["median"] == full["min"] == "62.50"
    assert full["collapsed (%)"] == "0"
    # Class a everywhere has 40 %.
    assert weak["collapsed (%)"] == "100"


def test_two_rows_have_too_few_seeds_for_the_exact_test() -> None:
    few = replace(TABLE, rows=TABLE.rows[:2])
    assert texts_of(tabulate_recovery(few))[1]["exact p, Holm"] == "not testable at n=3"


def test_why_there_is_no_interval_over_images_is_said() -> None:
    images = tabulate_test_images(TABLE)
    assert images is not None
    assert images.about[0].startswith("No interval: 1 group of test images")


def test_accuracy_and_classes() -> None:
    assert texts_of(tabulate_scores(TABLE))[1]["accuracy (%)"] == "60.0 ± 0.0"
    assert [cell.shade for cell in tabulate_classes(TABLE).lines[1]] == [None, 0.6, 0.0]


def test_what_annotation_took() -> None:
    cost = texts_of(tabulate_costs(TABLE))[1]
    del cost["annotation"]
    assert cost == {
        "method": POINTS[0],
        "labelled pixels": "5",
        "of all (%)": "5",
        "images": "1",
        "clicks": "5",
        "hidden knowledge": "presence",
        "s / run": "2.0",
    }


def test_published_scores_beside_ours() -> None:
    published = tabulate_reproduction(TABLE)
    assert published is not None
    assert texts_of(published) == [
        {
            "method": POINTS[0],
            "score": "mIoU",
            "published (%)": "50.0",
            "ours (%)": "30.0 ± 0.0",
            "n": "3",
            "difference (pp)": "−20.0",
        }
    ]
