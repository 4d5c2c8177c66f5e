"""The report as a file: what it says, and that nothing in it can run or be loaded. No browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from demo import board_of
from plotly.graph_objects import Figure
from reported import BOARD, FULL, HEADER, POINTS, SCRIPT, record, store, tracked

from harness.leaderboard.analysis import analyse
from harness.leaderboard.board import Board
from harness.pages.curve import DARK_PALETTE, PALETTE
from harness.pages.html.gallery import BUDGET
from harness.pages.html.page import write_report
from harness.pages.leaderboard_page import to_markdown

VOID_ELEMENTS = {"meta", "link", "img", "line", "circle", "br", "input"}
CHARTS = ["labelled_pixels", "annotation_seconds", "training"]


class Element:
    """An element of a page: its tag, its attributes, and all text within it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""


class Page(HTMLParser):
    """All elements of a page. Fails where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.unclosed: list[Element] = []
        self.feed(text)
        assert self.unclosed == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = self._add(tag, attrs)
        if tag not in VOID_ELEMENTS:
            self.unclosed.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.unclosed:
            element.text += data

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        attributes = {name: value or "" for name, value in attrs}
        assert len(attributes) == len(attrs), f"{tag} has an attribute twice: {attrs}"
        element = Element(tag, attributes)
        self.elements.append(element)
        return element

    def find(self, tag: str) -> list[Element]:
        """Return the elements of a tag."""
        return [element for element in self.elements if element.tag == tag]

    def texts(self, tag: str) -> list[str]:
        """Return the texts of all elements of a tag."""
        return [element.text for element in self.find(tag)]

    def values(self, *names: str) -> list[str]:
        """Return the values of all attributes of these names."""
        values = []
        for element in self.elements:
            values += [element.attributes[name] for name in names if name in element.attributes]
        return values

    def only(self, tag: str, attribute: str, value: str) -> Element:
        """Return the one element of a tag whose attribute has this value."""
        (element,) = [
            element for element in self.find(tag) if element.attributes.get(attribute) == value
        ]
        return element

    @property
    def targets(self) -> set[str]:
        """The ids that links within the page lead to."""
        return {link.attributes["href"].removeprefix("#") for link in self.find("a")}

    @property
    def script_data(self) -> dict[str, Any]:
        """What the page hands to its script."""
        data: dict[str, Any] = json.loads(self.only("script", "id", "data").text)
        return data


def report_of(board: Board, folder: Path) -> Path:
    """Write the report of a board whose runs are below a folder."""
    path = folder / "report.html"
    write_report(analyse(board), folder / "runs", path)
    return path


def page_of(board: Board, folder: Path) -> Page:
    return Page(report_of(board, folder).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store(folder / "runs")
    return report_of(BOARD, folder)


@pytest.fixture(scope="module")
def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tracked_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("tracked")
    store(folder / "runs")
    return page_of(tracked(), folder)


def read_policy(page: Page) -> dict[str, str]:
    """Return the rules of the page's Content-Security-Policy."""
    policy = page.only("meta", "http-equiv", "Content-Security-Policy")
    rules = {}
    for rule in policy.attributes["content"].split(";"):
        name, sources = rule.split(maxsplit=1)
        rules[name] = sources
    return rules


def test_the_policy_allows_the_scripts_of_the_page_alone(page: Page) -> None:
    data, plotly, script = page.find("script")
    assert data.attributes["type"] == "application/json"  # which no browser runs
    hashes = set()
    for element in (plotly, script):
        digest = hashlib.sha256(element.text.encode()).digest()
        hashes.add(f"'sha256-{base64.b64encode(digest).decode()}'")
    assert set(read_policy(page)["script-src"].split()) == hashes


def test_the_policy_allows_nothing_to_be_loaded(page: Page) -> None:
    policy = read_policy(page)
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert policy["base-uri"] == policy["form-action"] == "'none'"


def test_no_attribute_runs_a_script(page: Page) -> None:
    names: set[str] = set()
    for element in page.elements:
        names.update(element.attributes)
    assert [name for name in names if name.startswith("on")] == []
    for source in page.values("src"):
        assert source.startswith("data:image/")


def test_hostile_names_are_text(page: Page) -> None:
    assert SCRIPT in page.texts("th")
    assert POINTS[0] + "a & b" in page.texts("th")
    # Nor is the text a template.
    assert HEADER["about"] in page.texts("p")


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for source in page.values("src", "href", "data", "action"):
        assert source.startswith(("data:", "#"))
    (style,) = page.texts("style")
    assert "url(" not in style
    assert "@import" not in style


def find_texts(value: Any) -> list[str]:
    """Return all texts within the data of a figure that plotly shows."""
    if isinstance(value, str):
        return [value]
    texts = []
    if isinstance(value, list):
        for inner in value:
            texts += find_texts(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            # The one text that is ours, with tags.
            if name != "hovertemplate":
                texts += find_texts(inner)
    return texts


def test_text_that_plotly_would_read_as_markup_is_escaped(page: Page) -> None:
    texts = find_texts(page.script_data["charts"])
    assert [text for text in texts if "<" in text] == []
    assert any("&lt;img" in text for text in texts)


@pytest.mark.parametrize("name", CHARTS)
def test_plotly_takes_the_figures(page: Page, name: str) -> None:
    figure = page.script_data["charts"][name]
    # As the page's script does.
    resolved = re.sub(r"var\(--[a-z0-9-]+\)", "#000000", json.dumps(figure))
    values = json.loads(resolved)
    assert len(Figure(data=values["data"], layout=values["layout"]).data) == len(figure["data"])


def test_colours_are_those_of_all_drawings(page: Page) -> None:
    (style,) = page.texts("style")
    colors = re.findall(r"--series-\d: (#\w+);", style)
    assert colors == [*PALETTE, *DARK_PALETTE]


def test_links_lead_to_sections(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert page.targets <= set(ids)
    assert set(CHARTS) <= page.targets
    assert set(page.values("aria-labelledby")) <= set(ids)


def test_screen_readers_are_told_what_things_are(page: Page) -> None:
    assert page.find("html")[0].attributes["lang"] == "en"
    for tag in ("h1", "main", "header", "nav", "footer"):
        assert len(page.find(tag)) == 1, tag
    assert len(page.values("alt")) == len(page.find("img"))
    assert len(page.values("scope")) == len(page.find("th"))
    assert len(page.find("caption")) == len(page.find("table"))


def test_every_chart_has_its_numbers_in_a_table(page: Page) -> None:
    assert page.values("data-chart") == CHARTS
    captions = page.texts("caption")
    assert "mIoU against labelled pixels" in captions
    assert "Training loss, mean over seeds" in captions


def test_failed_and_missing_runs_are_listed(page: Page) -> None:
    entries = page.texts("li")
    assert f"{POINTS[1]}, seed 1: failed: RuntimeError: {SCRIPT}" in entries
    assert "shares, seed 1: missing: not run yet" in entries
    assert "Failed and missing runs" in page.texts("h3")


def test_stale_runs_are_listed(tmp_path: Path) -> None:
    stale = FULL[0] | {"stale": "protocol 1 is older than 2"}
    page = page_of(board_of(HEADER, (stale, *BOARD.records[1:])), tmp_path)
    assert "full, seed 0: stale: protocol 1 is older than 2" in page.texts("li")
    assert "Failed, missing and stale runs" in page.texts("h3")
    assert "ok, stale" in page.texts("td")


def test_a_report_says_what_markdown_says(page: Page) -> None:
    markdown = to_markdown(analyse(BOARD)).replace("*", "")
    entries = page.texts("li")
    explanations = [entry for entry in entries if f"- {entry}\n" in markdown]
    beginnings = [explanation[:10] for explanation in explanations]
    assert {"mIoU: of t", "Difference", "Gap closed", "Labelled p"} <= set(beginnings)


def test_a_report_says_what_weighs_against_its_headline(tmp_path: Path) -> None:
    records = []
    for run in BOARD.records:
        fields = run.as_json()
        if run.key == FULL[1]["key"]:
            fields["status"] = "missing"
        records.append(fields)
    entries = page_of(board_of(HEADER, records), tmp_path).texts("li")
    assert (
        "The reference full lacks seed 1 (missing): comparisons with it are over seed 0, 2 alone."
        in entries
    )
    assert any(
        "costs more seconds of annotation than the masks of full" in text for text in entries
    )


def test_the_same_records_give_the_same_bytes(path: Path, tmp_path: Path) -> None:
    header = json.loads(json.dumps(HEADER))
    again = board_of(header, [run.as_json() for run in BOARD.records])
    write_report(analyse(again), path.parent / "runs", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_no_table_mixes_selection_tracks(tracked_page: Page) -> None:
    unselected = {POINTS[0]}
    selected = {POINTS[1], "shares"}
    methods_of_table = []
    for text in tracked_page.texts("table"):
        methods_of_table.append({name for name in unselected | selected if name in text})
    assert all(not (names & unselected and names & selected) for names in methods_of_table)
    # Among them headline, scores of seeds, classes and loss.
    assert methods_of_table.count(unselected) > 3
    assert methods_of_table.count(selected) > 3


def test_no_chart_mixes_selection_tracks(tracked_page: Page) -> None:
    charts = tracked_page.script_data["charts"]
    names_of_chart = {}
    for name, figure in charts.items():
        # Bands have no name.
        names_of_chart[name] = {trace["name"] for trace in figure["data"] if "name" in trace}
    assert "shares" in names_of_chart["training-weak-val"]
    assert "shares" in names_of_chart["validation-weak-val"]
    assert "validation-none" not in names_of_chart
    assert len(names_of_chart["training-none"]) == 2
    assert "full" in names_of_chart["training-none"]


def test_each_selection_track_has_sections(tracked_page: Page) -> None:
    ids = tracked_page.values("id")
    assert len(ids) == len(set(ids))
    assert tracked_page.targets <= set(ids)
    headings = tracked_page.texts("h2")
    assert "Results: selection track none" in headings
    assert "Results: selection track weak-val" in headings
    missing = "This leaderboard lacks full: no finished run of the reference"
    assert any(text.startswith(missing) for text in tracked_page.texts("li"))
    assert tracked_page.script_data["gallery"]["tracks"]["shares"] == "weak-val"


def test_a_board_without_pictures_says_so(tmp_path: Path) -> None:
    text = report_of(BOARD, tmp_path).read_text(encoding="utf-8")
    assert "No test patches are stored for these runs" in text


@pytest.mark.slow
def test_500_runs_fit(tmp_path: Path) -> None:
    names = ["full", *(f"points-{count}" for count in range(49))]
    records = []
    for seed in range(10):
        for position, name in enumerate(names):
            records.append(record(name, seed, [[6, 2], [1, 1]], 5 + position))
    header = {
        **HEADER,
        "methods": [{"name": name, "about": ""} for name in names],
        "seeds": list(range(10)),
        "published": None,
    }
    size = report_of(board_of(header, records), tmp_path).stat().st_size
    # The last patch is shown whole, so a full gallery may be a little above its budget.
    assert size + 1.1 * BUDGET < 15e6


@pytest.mark.slow
def test_a_page_is_made_without_torch() -> None:
    code = "import sys, harness.pages.html.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
