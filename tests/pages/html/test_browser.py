"""The report in a real browser, the system's Chromium: nothing leaves the page, and all of it
works."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from reported import BOARD, POINTS, SCRIPT, store, tracked

from harness.leaderboard.analysis import analyse
from harness.pages.html.page import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which is not installed"),
]
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    # What the browser itself might load.
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LEAST_CONTRAST = 4.5
"""Of text to its ground: Web Content Accessibility Guidelines 2.2, 1.4.3."""


@dataclass
class OpenPage:
    """A page in a browser, and what it does beyond being shown."""

    page: Any
    noise: list[str] = field(default_factory=list)
    """Messages, errors, dialogs, and requests other than for the page itself."""

    def listen(self, address: str) -> None:
        """Note all noise of the page from here on."""

        def note_request(request: Any) -> None:
            if request.url != address and not request.url.startswith(("data:", "blob:")):
                self.noise.append(f"request: {request.url}")

        def note_dialog(dialog: Any) -> None:
            self.noise.append(f"dialog: {dialog.message}")
            # An open dialog would stop the page.
            dialog.dismiss()

        self.page.on("request", note_request)
        self.page.on("dialog", note_dialog)
        self.page.on("console", lambda message: self.noise.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))


Show = Callable[..., OpenPage]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports of a board, and of one with two selection tracks."""
    folder = tmp_path_factory.mktemp("report")
    store(folder / "runs")
    write_report(analyse(BOARD), folder / "runs", folder / "demo.html")
    write_report(analyse(tracked()), folder / "runs", folder / "tracked.html")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def show(reports: Path, browser: Any) -> Iterator[Show]:
    """Open a report; options are those of a page in playwright."""
    pages = []

    def open_report(name: str = "demo", width: int = 1280, **options: Any) -> OpenPage:
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        pages.append(page)
        address = (reports / f"{name}.html").as_uri()
        opened = OpenPage(page)
        opened.listen(address)
        page.goto(address)
        return opened

    yield open_report
    for page in pages:
        page.close()


def draw_charts(page: Any) -> None:
    """Scroll to every chart, and wait until plotly has drawn it."""
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator("svg.main-svg").first.wait_for()


def unfold_all(page: Any) -> None:
    for details in page.query_selector_all("details"):
        details.evaluate("(details) => { details.open = true; }")


def test_charts_are_drawn_and_nothing_leaves_the_page(show: Show) -> None:
    opened = show()
    draw_charts(opened.page)
    assert opened.page.locator(".plot .legendtext").first.text_content() == "full"
    assert opened.noise == []


def test_hostile_names_are_text(show: Show) -> None:
    opened = show()
    page = opened.page
    draw_charts(page)
    assert page.locator("#classes th", has_text=SCRIPT).count() == 1
    assert POINTS[0] in page.locator("#training .legendtext").all_text_contents()
    assert page.locator("img[src=x], .plot img").count() == 0
    assert opened.noise == []


def test_the_policy_stops_what_escaping_might_miss(show: Show) -> None:
    opened = show()
    opened.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.body.append(script);
    }""")
    assert opened.page.evaluate("window.ran") is None
    (message,) = opened.noise
    assert "Content Security Policy" in message


def first_words(table: Any) -> list[str]:
    """Return the beginnings of the lines of a table."""
    return [text[:8] for text in table.locator("tbody tr th").all_text_contents()]


def test_numbers_sort_from_the_largest_and_then_from_the_smallest(show: Show) -> None:
    table = show().page.locator("#results table").first
    heading = table.locator("th", has_text="labelled pixels")
    assert first_words(table) == ["fulla & ", "most fre", "points-5"]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    # The most frequent class has none, so it is last in both orders.
    assert first_words(table) == ["fulla & ", "points-5", "most fre"]
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert first_words(table) == ["points-5", "fulla & ", "most fre"]


def test_words_sort_from_a(show: Show) -> None:
    table = show().page.locator("#results table").first
    pixels = table.locator("th", has_text="labelled pixels")
    pixels.get_by_role("button").click()
    table.locator("th", has_text="method").get_by_role("button").click()
    assert pixels.get_attribute("aria-sort") == "none"
    assert first_words(table) == ["fulla & ", "most fre", "points-5"]


def test_the_gallery_steps_by_buttons(show: Show) -> None:
    opened = show()
    page = opened.page
    status = page.locator(".status")
    scores = "mIoU 77.8 %"
    beginning = f"Patch 1 of 6, seed 0: {SCRIPT}@0. {POINTS[0]}: {scores}"
    assert status.text_content().startswith(beginning)
    image = page.locator("#viewer img").first
    before = image.get_attribute("src")
    page.get_by_role("button", name="Next patch").click()
    assert status.text_content().startswith("Patch 2 of 6")
    assert image.get_attribute("src") != before
    assert opened.noise == []


def test_the_gallery_steps_by_keys(show: Show) -> None:
    page = show().page
    status = page.locator(".status")
    page.locator(".panels").first.focus()
    page.keyboard.press("ArrowLeft")
    # Before the first comes the last.
    assert status.text_content().startswith("Patch 6 of 6, seed 2")
    # The reference has none for this seed.
    assert "No picture is stored for this run." in page.locator("#viewer").text_content()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert f"{POINTS[1]}: " in status.text_content()


def test_the_gallery_shows_the_method_that_is_chosen(show: Show) -> None:
    page = show().page
    page.locator("select[name=method]").select_option(label="full")
    assert "full: mIoU" in page.locator(".status").text_content()
    is_complete = "(image) => image.complete && image.naturalWidth > 0"
    assert page.evaluate(f"[...document.images].every({is_complete})")


def test_tables_stand_in_for_charts_without_javascript(show: Show) -> None:
    opened = show(java_script_enabled=False)
    page = opened.page
    assert page.locator("#labelled_pixels table").is_visible()
    assert page.locator("#training table").is_visible()
    assert not page.locator(".plot").first.is_visible()
    assert page.get_by_role("button").count() == 0
    assert opened.noise == []


def test_all_patches_are_listed_without_javascript(show: Show) -> None:
    page = show(java_script_enabled=False).page
    assert page.locator(".patches > li").count() == 6
    assert page.locator(".patches img").first.is_visible()
    photo = page.locator(".patches .photo").first
    assert photo.is_visible()
    assert photo.get_attribute("aria-label") == f"Test patch seed 0: {SCRIPT}@0"
    sync_api.expect(photo).to_have_css("background-image", re.compile("^url..data:image/png"))


@pytest.mark.parametrize("width", [320, 375])
def test_a_phone_scrolls_down_only(show: Show, width: int) -> None:
    page = show(width=width).page
    draw_charts(page)
    unfold_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_dark_follows_the_system_in_charts_too(show: Show) -> None:
    opened = show(color_scheme="dark")
    page = opened.page
    draw_charts(page)
    body = page.locator("body")
    legend = page.locator(".plot .legendtext").first
    sync_api.expect(body).to_have_css("background-color", "rgb(20, 23, 27)")
    sync_api.expect(legend).to_have_css("fill", "rgb(233, 236, 240)")
    page.emulate_media(color_scheme="light")
    sync_api.expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    sync_api.expect(legend).to_have_css("fill", "rgb(22, 24, 29)")
    assert opened.noise == []


def test_every_control_is_reached_by_keyboard(show: Show) -> None:
    page = show().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        name = "document.activeElement.name || document.activeElement.tagName.toLowerCase()"
        reached.add(page.evaluate(name))
    assert {"button", "summary", "method", "patch", "previous", "next", "pre"} <= reached


def test_selection_tracks_work_beside_each_other(show: Show) -> None:
    opened = show("tracked")
    page = opened.page
    draw_charts(page)
    # The training of both, validation and seconds of one.
    assert page.locator(".plot").count() == 4
    legend = page.locator("#validation-weak-val .legendtext")
    assert legend.all_text_contents() == [POINTS[1], "shares"]
    methods = page.locator("select[name=method] option").all_text_contents()
    assert "shares (weak-val)" in methods
    page.get_by_role("link", name="Track weak-val").click()
    assert page.evaluate("location.hash") == "#results-weak-val"
    assert opened.noise == []


ROLES_WITH_NAMES = {
    "button",
    "link",
    "combobox",
    "image",
    "img",
    "region",
    "table",
    "columnheader",
    "rowheader",
    "navigation",
    "DisclosureTriangle",
}


def test_a_screen_reader_is_told_the_name_of_every_control(show: Show) -> None:
    page = show().page
    draw_charts(page)
    unfold_all(page)
    session = page.context.new_cdp_session(page)
    roles = set()
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        if node["ignored"]:
            continue
        role = node["role"]["value"]
        name = node.get("name", {}).get("value", "")
        roles.add(role)
        if role in ROLES_WITH_NAMES:
            assert name.strip(), node
    assert {"button", "link", "combobox", "image", "region", "table"} <= roles


# The contrast of every text that is seen, with its beginning. A colour is "rgb(...)" with numbers
# to 255, or, where colours are mixed, "color(srgb ...)" with numbers to 1.
READ_CONTRASTS = """() => {
  const readColor = (text) => {
    const numbers = text.match(/[-\\d.]+(?:e-?\\d+)?/g).map(Number);
    if (!text.startsWith("color(")) return numbers;
    return numbers.map((number, place) => (place < 3 ? number * 255 : number));
  };
  const toLinear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) =>
    0.2126 * toLinear(red / 255) + 0.7152 * toLinear(green / 255) + 0.0722 * toLinear(blue / 255);
  const groundOf = (start) => {
    for (let element = start; element; element = element.parentElement) {
      const color = readColor(getComputedStyle(element).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
  };
  const contrasts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const element = text.parentElement;
    const words = text.textContent.trim();
    if (!words || element.closest("script, style, template, noscript, svg")) continue;
    if (!element.checkVisibility()) continue;
    const ink = luminance(readColor(getComputedStyle(element).color));
    const ground = luminance(groundOf(element));
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    contrasts.push([contrast, element.tagName + ": " + words.slice(0, 40)]);
  }
  return contrasts;
}"""

SHADE_FIRST_CELL = """(shade) => {
  const cell = document.querySelector("td.shaded");
  cell.style.setProperty("--shade", shade);
  cell.classList.toggle("strong", shade > 0.74);
}"""


def find_weak_contrasts(page: Any) -> list[str]:
    """Return the texts that do not stand out from their ground."""
    contrasts = page.evaluate(READ_CONTRASTS)
    # A page of which little is seen would pass.
    assert len(contrasts) > 200
    return [text for contrast, text in contrasts if contrast < LEAST_CONTRAST]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(show: Show, scheme: str) -> None:
    page = show(color_scheme=scheme).page
    unfold_all(page)
    assert find_weak_contrasts(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_every_shade(show: Show, scheme: str) -> None:
    page = show(color_scheme=scheme).page
    unfold_all(page)
    for step in range(21):
        page.evaluate(SHADE_FIRST_CELL, step / 20)
        assert find_weak_contrasts(page) == [], step / 20
