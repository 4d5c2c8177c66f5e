"""What `import harness` gives to people: results, history, read_board and the version."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from places import ROOT

import harness
from harness.core.errors import InputError
from harness.leaderboard.analysis import analyse

NOTEBOOK = ROOT / "examples" / "results.ipynb"


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the committed leaderboards those that are read."""
    folder = ROOT / "leaderboards"
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(folder))
    return folder


def test_the_frame_says_what_the_leaderboard_says(committed: Path) -> None:
    frame = harness.results("dubai-points.mini")
    miou = frame[frame["score"] == "miou"]
    mean_of_method = miou.groupby("method")["value"].mean()
    rows = analyse(harness.read_board("dubai-points.mini")).rows
    for row in rows:
        if row.role != "floor":
            assert mean_of_method[row.method] == pytest.approx(row.scores.mean_miou.mean)
    assert set(miou["repetition"]) == {0, 1, 2}
    assert set(frame["status"]) == {"ok"}


@pytest.mark.slow
def test_without_names_all_boards_are_read(committed: Path) -> None:
    names = {path.stem for path in (committed / "records").glob("*.jsonl")}
    assert set(harness.results()["board"]) == names


def test_history_of_a_committed_board(committed: Path) -> None:
    frame = harness.history("smoke")
    assert list(frame.columns[-2:]) == ["loss:cross-entropy", "loss:partial-cross-entropy"]
    full = frame[frame["method"] == "full"]
    assert list(full["epoch"]) == [1, 2, 3, 4]
    assert full["loss"].is_monotonic_decreasing


def test_an_unknown_board_is_suggested(committed: Path) -> None:
    with pytest.raises(InputError, match=r"Did you mean 'dubai-points.mini'\?"):
        harness.results("dubai-points.min")
    with pytest.raises(InputError, match="no leaderboard records"):
        harness.read_board("none")


def test_a_folder_without_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    with pytest.raises(InputError, match=r"no boards in .*: set HARNESS_LEADERBOARDS"):
        harness.results()


def test_names_of_the_package() -> None:
    assert harness.__version__ == version("weakseg-harness")
    assert all(hasattr(harness, name) for name in harness.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'result'"):
        harness.result  # type: ignore[attr-defined]  # noqa: B018


def test_the_import_takes_nothing_along() -> None:
    program = "import harness, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    modules = set(json.loads(done.stdout))
    assert "harness" in modules
    assert modules.isdisjoint({"numpy", "pandas", "pydantic", "torch", "importlib.metadata"})


def read_notebook() -> nbformat.NotebookNode:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    assert isinstance(notebook, nbformat.NotebookNode)
    return notebook


def test_the_notebook_is_committed_without_outputs() -> None:
    notebook = read_notebook()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert outputs
    assert not any(outputs)


@pytest.mark.slow
def test_the_notebook_runs(committed: Path) -> None:
    notebook = read_notebook()
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    )
    client.execute()
    assert "image/png" in notebook.cells[-1].outputs[-1].data
