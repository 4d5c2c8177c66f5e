"""Stored test patches: what is damaged is named by file and field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reported import FULL, SHARES, store_samples

from harness.core.errors import InputError
from harness.pages.html.samples_reader import read_bands, read_samples

Entries = list[Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The samples of a run that has labels."""
    store_samples(tmp_path, FULL[0])
    key: str = FULL[0]["key"]
    return tmp_path / key / "samples"


def drop_patch(entries: Entries) -> None:
    entries[1].pop("patch")


def add_number(entries: Entries) -> None:
    entries.append(1)


def drop_truth(entries: Entries) -> None:
    entries[1]["files"].pop("truth")


def leave_the_folder(entries: Entries) -> None:
    entries[1]["files"]["truth"] = "../../key.png"


def swap_pictures(entries: Entries) -> None:
    entries[1]["files"]["image"] = "1-truth.png"


def shorten_confusion(entries: Entries) -> None:
    entries[1]["confusion"].pop()


def shorten_line_of_confusion(entries: Entries) -> None:
    entries[1]["confusion"][0].pop()


def shorten_proportions(entries: Entries) -> None:
    entries[1]["proportions"] = [1.0]


def shorten_proportions_of_region(entries: Entries) -> None:
    entries[1]["proportions"] = [[0.5, 0.5], [1.0]]


def shorten_tags(entries: Entries) -> None:
    entries[1]["tags"] = [True]


DAMAGES: list[tuple[Callable[[Entries], None], str]] = [
    (drop_patch, "1.patch: Field required"),
    (add_number, "2: Input should be"),
    (drop_truth, "1.files.truth: Field required"),
    (leave_the_folder, "1.files.truth: String should match"),
    (swap_pictures, "1: files.image: 1-truth.png has 1 bands"),
    (shorten_confusion, "1: confusion: must be 2 x 2"),
    (shorten_line_of_confusion, "1: confusion: must be 2 x 2"),
    (shorten_proportions, "1: proportions: must have 2 numbers"),
    (shorten_proportions_of_region, "1: proportions: must have 2 numbers"),
    (shorten_tags, "1: tags: must have 2 entries"),
]


def test_samples_are_read_as_they_were_written(folder: Path) -> None:
    first, second = read_samples(folder, 2)
    assert first.files.names == {
        "image": "0-image.png",
        "truth": "0-truth.png",
        "prediction": "0-prediction.png",
        "weak": "0-weak.png",
    }
    assert second.counts.tolist() == [[112, 16], [16, 112]]
    assert first.regions is None


def test_proportions_of_a_patch_are_those_of_one_region(tmp_path: Path) -> None:
    store_samples(tmp_path, SHARES[0])
    first, _ = read_samples(tmp_path / SHARES[0]["key"] / "samples", 2)
    assert first.regions is not None
    assert first.regions.tolist() == [[0.5, 0.5]]
    assert "weak" not in first.files.names


def test_a_run_may_have_none(tmp_path: Path) -> None:
    assert read_samples(tmp_path, 2) == []


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_an_entry_that_does_not_fit_is_named_by_field(
    folder: Path, damage: Callable[[Entries], None], message: str
) -> None:
    path = folder / "samples.json"
    entries = json.loads(path.read_text())
    damage(entries)
    path.write_text(json.dumps(entries))
    with pytest.raises(InputError, match=re.escape(f"{path}: {message}")):
        read_samples(folder, 2)


def test_a_list_that_is_not_json_is_named(folder: Path) -> None:
    (folder / "samples.json").write_text("{")
    with pytest.raises(InputError, match=r"samples\.json: is not JSON: run it again"):
        read_samples(folder, 2)


def test_a_picture_that_cannot_be_read_is_named(folder: Path) -> None:
    path = folder / "0-truth.png"
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"0-truth\.png: cannot be read: run it again"):
        read_samples(folder, 2)
    with pytest.raises(InputError, match=r"0-truth\.png: cannot be read: run it again"):
        read_bands(path)
