"""The report as a file: what it says, that nothing in it can run or be loaded, and its pictures. No
browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from demo import board_of, only_table
from places import ROOT
from reported import (
    BOARD,
    FULL,
    HEADER,
    MORE,
    POINTS,
    SCRIPT,
    SHARES,
    WEAK,
    record,
    store,
    store_samples,
    tracked,
)
from scipy.stats import t

from harness.cli.main import main
from harness.core.errors import InputError
from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.leaderboard.budgets import BudgetCurve, Reach
from harness.leaderboard.statistics import spread
from harness.pages.html import charts, cite, pictures
from harness.pages.html import report_tables as tables
from harness.pages.html import training_charts as epochs
from harness.pages.html.gallery import BUDGET, gallery
from harness.pages.html.page import write_report
from harness.pages.html.run_facts import provenance

HALF = 100 * t.ppf(0.975, 2) * 0.375 / 3**0.5 / 3**0.5
VOID = {"meta", "link", "img", "line", "circle", "br", "input"}


class Page(HTMLParser):
    """Every element of a page with its attributes and own text; raises where tags are not closed in
    order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        element = (tag, {name: value or "" for name, value in attrs}, [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element[2].append(data)

    def every(self, tag: str) -> list[tuple[dict[str, str], str]]:
        return [
            (attributes, "".join(text)) for name, attributes, text in self.elements if name == tag
        ]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store(folder / "runs")
    write_report(analyse(BOARD), folder / "runs", folder / "demo.html")
    return folder / "demo.html"


@pytest.fixture(scope="module")
def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def embedded(page: Page) -> dict[str, Any]:
    (data,) = [text for attributes, text in page.every("script") if attributes.get("id") == "data"]
    found: dict[str, Any] = json.loads(data)
    return found


def test_only_our_scripts_are_in_it_and_the_policy_names_them_by_hash(page: Page) -> None:
    scripts = [
        text
        for attributes, text in page.every("script")
        if not attributes or attributes["type"] == "text/plain"
    ]
    assert len(page.every("script")) == 3  # with the data, which is no script
    (policy,) = [
        each["content"]
        for each, _ in page.every("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(maxsplit=1) for rule in policy.split(";"))
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts
    ]
    assert set(rules["script-src"].split()) == {f"'sha256-{digest}'" for digest in digests}
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"


def test_hostile_names_are_text(page: Page) -> None:
    assert not [
        name for _, attributes, _ in page.elements for name in attributes if name.startswith("on")
    ]
    assert all(attributes["src"].startswith("data:image/") for attributes, _ in page.every("img"))
    assert any(text == SCRIPT for _, text in page.every("th"))
    assert any(HEADER["about"] in text for _, text in page.every("p"))  # nor is it a template
    assert POINTS[0] in {text for _, text in page.every("summary")}


def test_text_that_plotly_would_read_as_markup_is_escaped(page: Page) -> None:
    def texts(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [
                text
                for key, each in value.items()
                if key != "hovertemplate"
                for text in texts(each)
            ]
        return (
            [text for each in value for text in texts(each)]
            if isinstance(value, list)
            else [value]
            if isinstance(value, str)
            else []
        )

    found = texts(embedded(page)["charts"])
    assert not [text for text in found if "<" in text]
    assert any("&lt;img" in text for text in found)


def test_plotly_takes_the_figures(page: Page) -> None:
    from plotly.graph_objects import Figure

    for figure in embedded(page)["charts"].values():
        # the page's script resolves colours
        plain = json.loads(re.sub(r"var\(--[a-z0-9-]+\)", "#000000", json.dumps(figure)))
        assert len(Figure(data=plain["data"], layout=plain["layout"]).data) == len(figure["data"])


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    places = [
        value
        for _, attributes, _ in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "data", "action")
    ]
    assert all(place.startswith(("data:", "#")) for place in places)
    (style,) = [text for _, text in page.every("style")]
    assert "url(" not in style
    assert "@import" not in style


def test_it_is_made_for_everyone(page: Page) -> None:
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [attributes["href"][1:] for attributes, _ in page.every("a")]
    assert set(targets) <= set(ids)
    for _, attributes, _ in page.elements:
        assert {attributes[name] for name in ("aria-labelledby",) if name in attributes} <= set(ids)
    assert all("alt" in attributes for attributes, _ in page.every("img"))
    assert all("scope" in attributes for attributes, _ in page.every("th"))
    assert len(page.every("caption")) == len(page.every("table"))
    assert [len(page.every(tag)) for tag in ("h1", "main", "header", "nav", "footer")] == [
        1,
        1,
        1,
        1,
        1,
    ]
    assert page.every("html")[0][0]["lang"] == "en"


def test_every_chart_has_its_numbers_in_a_table(page: Page) -> None:
    drawn = [
        attributes["data-chart"]
        for attributes, _ in page.every("div")
        if "data-chart" in attributes
    ]
    assert drawn == ["labelled_pixels", "annotation_seconds", "training"]
    captions = [text for _, text in page.every("caption")]
    assert "mIoU against labelled pixels" in captions
    assert "Training loss, mean over seeds" in captions


def test_failed_and_missing_runs_are_told(page: Page) -> None:
    told = [text for _, text in page.every("li")]
    assert f"{POINTS[1]}, seed 1: failed: RuntimeError: {SCRIPT}" in told
    assert "shares, seed 1: missing: not run yet" in told


def test_it_depends_on_records_alone(path: Path, tmp_path: Path) -> None:
    again = board_of(
        json.loads(json.dumps(HEADER)), tuple(record.as_json() for record in BOARD.records)
    )
    write_report(analyse(again), path.parent / "runs", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_no_table_and_no_drawing_mixes_selection_tracks(tmp_path: Path) -> None:
    store(tmp_path / "runs")
    write_report(analyse(tracked()), tmp_path / "runs", tmp_path / "demo.html")
    page = Page((tmp_path / "demo.html").read_text(encoding="utf-8"))
    fixed, selected = {POINTS[0]}, {POINTS[1], "shares"}
    shown = [{name for name in fixed | selected if name in text} for _, text in page.every("table")]
    assert all(not (names & fixed and names & selected) for names in shown)
    assert sum(names == fixed for names in shown) > 3
    assert sum(names == selected for names in shown) > 3
    charts = embedded(page)["charts"]
    drawn = {
        name: {trace.get("name", "") for trace in figure["data"]} for name, figure in charts.items()
    }
    assert drawn["training-none"] == {"full", charts["training-none"]["data"][-1]["name"], ""}
    assert "shares" in drawn["training-weak-val"] & drawn["validation-weak-val"]
    assert "validation-none" not in drawn
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for attributes, _ in page.every("a")} <= set(ids)
    assert {"Results: selection track none", "Results: selection track weak-val"} <= {
        text for _, text in page.every("h2")
    }
    told = [text for _, text in page.every("li")]
    assert any(
        text.startswith("This leaderboard lacks full: no finished run of the reference")
        for text in told
    )
    assert embedded(page)["gallery"]["tracks"]["shares"] == "weak-val"


def test_confusions_counted_by_hand() -> None:
    (_, matrix), *_ = tables.confusions(BOARD)
    assert [[cell.text for cell in line] for line in matrix.lines] == [
        [SCRIPT, "83.3", "16.7", "24"],
        ["b", "0.0", "100.0", "6"],
    ]


def curve(board: Board, measured: tuple[BudgetCurve, ...] = ()) -> charts.Chart | None:
    table = only_table(board)
    if measured:
        vars(table)["budgets"] = measured  # in place of what the property would compute
    return charts.curve(table, "labelled_pixels", "labelled pixels")


def test_a_curve_has_families_lines_and_what_was_published() -> None:
    chart = curve(BOARD)
    assert chart
    full, points, published = chart.figure["data"]
    assert (full["x"], points["x"], published["x"]) == ([100], [5, 20], [5])
    assert points["y"] == pytest.approx([30.0, 100 * (7 / 9 + 1 / 3) / 2])
    assert points["name"] == 'points-*"&gt;&lt;img src=x onerror=alert(2)&gt;'
    assert published["y"] == [50.0]
    assert (
        "Without labelled pixels, or with labels everywhere, so not on this chart: shares."
        in chart.about
    )
    assert [
        shape["y0"] for shape in chart.figure["layout"]["shapes"] if shape["type"] == "line"
    ] == pytest.approx([75.0, 40.0])
    assert max(full["error_y"]["array"]) == pytest.approx(25.0)  # no score is above 100 %
    alone = board_of(
        BOARD.header, tuple(record for record in BOARD.records if record["method"] != POINTS[1])
    )
    assert curve(alone) is None


def test_scores_in_another_measure_are_not_drawn_beside_miou() -> None:
    board = board_of(
        HEADER | {"published": HEADER["published"] | {"compare": "accuracy"}}, BOARD.records
    )
    chart = curve(board)
    assert chart
    assert [trace["name"] for trace in chart.figure["data"]][-1] != "published"


def test_how_much_to_annotate_is_told_in_words() -> None:
    nan = float("nan")
    reaches = [
        Reach(0.9, "reached", 2057.4, 1403.0, 3016.0, 3, 0, 0),
        Reach(0.95, "reached", 7.0, nan, nan, 1, 0, 0),
    ]
    reaches += [
        Reach(0.9, outcome, nan, nan, nan, 3, 1, 1)
        for outcome in ("below the smallest budget", "not reached", "not in every seed")
    ]
    measured = BudgetCurve(
        "p*",
        "supervision.0.count",
        "labelled pixels",
        ("p5", "p20"),
        (5.0, 20.0),
        (0.1, 0.2),
        tuple(reaches),
        spread([0.1]),
    )
    chart = curve(BOARD, (measured,))
    assert chart
    assert chart.findings == (
        "p*: 90 % of full takes 2,057 labelled pixels (95 % interval 1,403 to 3,016).",
        "p*: 95 % of full takes 7 labelled pixels.",
        "p*: 90 % of full is reached with the smallest budget already, 5 labelled pixels.",
        "p*: 90 % of full is not reached with the largest budget, 20 labelled pixels.",
        "p*: 90 % of full is reached between the measured budgets in some seeds alone.",
    )


@pytest.mark.parametrize("values", [[50, 5e6], [1.2, 30], [0.5, 0.9], [7]])
def test_a_log_axis_has_room_and_three_ticks(values: list[float]) -> None:
    axis = charts.log_axis(values)
    low, high = (10**end for end in axis["range"])
    assert low < min(values) <= max(values) < high
    assert high / low > 3.9
    assert (
        len([tick for tick in axis["tickvals"] if low <= tick <= high]) == len(axis["ticktext"]) > 2
    )


def test_training_curves_average_over_seeds() -> None:
    chart = epochs.training(BOARD)
    assert chart
    band, line, *_ = chart.figure["data"]
    assert line["y"] == pytest.approx([2, 1, 2 / 3], rel=1e-4)
    assert (band["x"], band["y"]) == (
        [1, 2, 3, 3, 2, 1],
        pytest.approx([3, 1.5, 1, 1 / 3, 0.5, 1], rel=1e-4),
    )
    floors = [{**own, "history": []} for own in FULL]
    assert epochs.training(board_of(HEADER, tuple(floors))) is None


def test_validation_is_drawn_where_it_is_finite() -> None:
    chart = epochs.validation(tracked())
    assert chart
    assert chart.title == "Validation loss"
    assert [trace["y"] for trace in chart.figure["data"]] == [[2.0, 1.0, 0.66667]] * 2
    assert [line[0].text for line in chart.table.lines] == [POINTS[1], "shares"]
    assert epochs.validation(BOARD) is None
    mapped = [
        own | {"settings": own["settings"] | {"training": {"validation": "miou"}}}
        for own in tracked().records
        if "settings" in own
    ]
    shares = epochs.validation(board_of(HEADER, tuple(mapped)))
    assert shares
    assert (shares.title, shares.figure["data"][0]["y"][1]) == ("Validation mIoU", 100.0)


def test_long_training_is_thinned() -> None:
    history = [{"epoch": epoch, "loss": 1.0 / epoch} for epoch in range(1, 1002)]
    chart = epochs.training(board_of(HEADER, (FULL[0] | {"history": history},)))
    assert chart
    drawn = chart.figure["data"][0]["x"]
    assert (drawn[0], drawn[-1]) == (1, 1001)
    assert len(drawn) <= epochs.DRAWN + 1


def test_settings_are_told_once() -> None:
    shared, (_, points, *_) = provenance(BOARD)
    assert shared["training.epochs"] == "3"
    assert shared["split.test.groups"].endswith("g7, … (20)")
    assert points.facts["supervision.name"] == "points-per-class"
    assert "training.epochs" not in points.facts
    assert [line[0].text for line in points.runs.lines] == ["0", "1", "2"]


def test_the_gallery_steps_through_seeds_and_says_what_is_absent(tmp_path: Path) -> None:
    store(tmp_path)
    shown = gallery(BOARD, tmp_path)
    assert [patch.name for patch in shown.patches] == [
        f"seed {seed}: {SCRIPT}@{number}" for seed in (0, 1, 2) for number in (0, 1)
    ]
    # the reference last: it is beside every other
    assert shown.methods == (*POINTS, "shares", "full")
    assert shown.absent == ("full, seed 1", "full, seed 2")
    first, second, third = (shown.patches[0].views[index] for index in (0, 1, 3))
    assert [view.method for view in (first, second, third)] == ["full", POINTS[0], "shares"]
    assert second.given == "3 of 256 pixels labelled"
    assert second.scores == "mIoU 77.8 %, 12.5 % of the pixels wrong"
    assert third.given == f"proportions: {SCRIPT} 50.0 %, b 50.0 %"
    few = gallery(BOARD, tmp_path, budget=1)
    assert (len(few.patches), few.left_out) == (1, 5)


def test_a_board_without_pictures_says_so(tmp_path: Path) -> None:
    write_report(analyse(BOARD), tmp_path / "runs", tmp_path / "demo.html")
    assert "No test patches are stored for these runs" in (tmp_path / "demo.html").read_text(
        encoding="utf-8"
    )


def test_damaged_samples_are_named(tmp_path: Path) -> None:
    store_samples(tmp_path, FULL[0])
    folder = tmp_path / FULL[0]["key"] / "samples"
    (folder / "0-truth.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"0-truth\.png: cannot be read"):
        gallery(BOARD, tmp_path)
    (folder / "samples.json").write_text("{")
    with pytest.raises(InputError, match=r"samples\.json: is not JSON"):
        gallery(BOARD, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda listed: listed[1].pop("patch"), "1.patch: Field required"),
        (lambda listed: listed.append(1), "2: Input should be"),
        (lambda listed: listed[1]["files"].pop("truth"), "1: files: truth is missing"),
        (
            lambda listed: listed[1]["files"].update(truth="../../key.png"),
            "1.files.truth: String should match",
        ),
        (
            lambda listed: listed[1]["files"].update(image="1-truth.png"),
            "1: files.image: 1-truth.png has 1 bands",
        ),
        (lambda listed: listed[1]["confusion"].pop(), "1: confusion: must be 2 x 2"),
        (lambda listed: listed[1].update(proportions=[1.0]), "1: proportions: must have 2 numbers"),
        (lambda listed: listed[1].update(tags=[True]), "1: tags: must have 2 entries"),
    ],
)
def test_samples_that_do_not_fit_are_named_by_field(
    tmp_path: Path, change: Callable[[list[Any]], Any], message: str
) -> None:
    store_samples(tmp_path, FULL[0])
    path = tmp_path / FULL[0]["key"] / "samples" / "samples.json"
    listed = json.loads(path.read_text())
    change(listed)
    path.write_text(json.dumps(listed))
    with pytest.raises(InputError, match=re.escape(f"{path}: {message}")):
        gallery(BOARD, tmp_path)


def test_a_report_says_what_weighs_against_its_headline(tmp_path: Path) -> None:
    lost = board_of(
        BOARD.header,
        [
            own.as_json() | ({"status": "missing"} if own.key == FULL[1]["key"] else {})
            for own in BOARD.records
        ],
    )
    write_report(analyse(lost), tmp_path / "runs", tmp_path / "demo.html")
    text = (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert (
        "<li>The reference full lacks seed 1 (missing): comparisons with it are over seed 0, 2"
        " alone.</li>" in text
    )
    assert "the weak label costs more seconds of annotation than the masks of full" in text
    # the split is the data set's own
    assert "for what another initialisation and supervision draw would change" in text


def test_a_report_that_cannot_be_written_is_told(
    boards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (boards / "demo.html").mkdir()
    assert main(["report", "demo"]) == 2
    assert "demo.html: cannot be written" in capsys.readouterr().err


def decoded(uri: str, folder: Path) -> Any:
    (folder / "decoded.png").write_bytes(
        base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    )
    return pictures.read(folder / "decoded.png")


def test_pictures_keep_what_they_show(tmp_path: Path) -> None:
    labels = np.full((4, 600), 255, np.uint8)
    labels[1, 100] = 1
    reduced = decoded(pictures.class_map(labels, [(0, 0, 0), (9, 9, 9)]), tmp_path)
    assert reduced.shape == (1, 2, 200)
    # a single labelled pixel is not lost
    assert np.argwhere(reduced[0] != 255).tolist() == [[0, 33]]
    image = np.tile(np.array([0, 0, 90], np.uint8), (3, 6, 200))
    assert (decoded(pictures.photo(image), tmp_path) == 30).all()
    noise = np.random.default_rng(0).integers(0, 256, (3, 256, 256)).astype(np.uint8)
    assert pictures.photo(noise).startswith("data:image/jpeg;base64,")
    truth = np.array([[0, 1, 255]], np.uint8)
    assert decoded(pictures.errors(truth, np.array([[1, 1, 0]], np.uint8)), tmp_path).tolist() == [
        [[0, 255, 255]]
    ]


def test_single_pixels_are_discs_and_areas_are_a_map() -> None:
    colors = [(1, 2, 3), (4, 5, 6)]
    labels = np.full((32, 32), 255, np.uint8)
    labels[20:24, 20:24] = 0
    (area,) = pictures.weak_label(labels, colors)
    assert area.startswith("data:image/png")
    labels[3, 7] = 1
    area, discs = pictures.weak_label(labels, colors)
    drawn = base64.b64decode(discs.split(",")[1]).decode()
    assert '<path d="M7.5 3.5h0" stroke="rgb(4, 5, 6)"' in drawn
    assert "20.5" not in drawn
    assert pictures.weak_label(np.full((4, 4), 255, np.uint8), colors) == []
    many = np.full((64, 64), 255, np.uint8)
    many[::2, ::2] = 0  # 1024 single pixels would hide the image
    (only,) = pictures.weak_label(many, colors)
    assert only.startswith("data:image/png")


def test_500_runs_fit(tmp_path: Path) -> None:
    names = ["full", *(f"points-{count}" for count in range(49))]
    header = HEADER | {
        "methods": [{"name": name, "about": ""} for name in names],
        "seeds": list(range(10)),
        "published": None,
    }
    runs = [
        record(name, seed, [[6, 2], [1, 1]], 5 + index)
        for seed in range(10)
        for index, name in enumerate(names)
    ]
    write_report(analyse(board_of(header, tuple(runs))), tmp_path, tmp_path / "demo.html")
    assert (tmp_path / "demo.html").stat().st_size + 1.1 * BUDGET < 15e6


def test_the_software_is_cited_as_the_repository_says() -> None:
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (told["title"], told["authors"][0]["name"]) == (cite.TITLE, cite.AUTHORS)
    software, data, published = cite.sources(BOARD)
    assert "version = {0.1.0}" in software.bibtex
    assert data.bibtex == "@misc{d}"
    assert "Table 1" in published.text


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_LEADERBOARDS", str(tmp_path))
    monkeypatch.setenv("HARNESS_RUNS", str(tmp_path / "runs"))
    (tmp_path / "records").mkdir()
    for name, records in (
        ("demo", (FULL[0], WEAK[0], MORE[0], SHARES[0])),
        ("empty", [lost.as_json() for lost in BOARD.records[-2:]]),
    ):
        lines = (HEADER | {"board": name}, *records)
        (tmp_path / "records" / f"{name}.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines)
        )
    return tmp_path


def test_the_command_prints_the_path_and_opens_it(
    boards: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert main(["report", "demo"]) == 0
    assert capsys.readouterr().out.strip() == str(boards / "demo.html")
    assert opened == []
    assert main(["report", "demo", "--open"]) == 0
    assert opened == [(boards / "demo.html").as_uri()]


def test_what_cannot_be_reported_is_explained(
    boards: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "dem"]) == 2
    assert "Did you mean 'demo'" in capsys.readouterr().err
    assert main(["report", "empty"]) == 2
    assert (
        "has no finished run to report: `harness run scenarios/demo.yaml --profile mini --set"
        " seeds=3`" in capsys.readouterr().err
    )
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main(["report", "demo"]) == 2
    assert "pip install 'weakseg-harness[report]'" in capsys.readouterr().err
    assert list(boards.glob("*.html")) == []


def test_it_starts_without_torch() -> None:
    code = "import sys, harness.pages.html.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
