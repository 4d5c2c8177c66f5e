"""The report in a real browser, the system's Chromium: nothing leaves the page, and everything in
it works."""

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
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which is not installed")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@dataclass
class Shown:
    """A page, and all that it should not do: messages, errors, dialogs and requests other than for
    itself."""

    page: Any
    noise: list[str] = field(default_factory=list)


Open = Callable[..., Shown]


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    folder: Path = tmp_path_factory.mktemp("report")
    store(folder / "runs")
    write_report(analyse(BOARD), folder / "runs", folder / "demo.html")
    write_report(analyse(tracked()), folder / "runs", folder / "tracked.html")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))

        def opened(width: int = 1280, name: str = "demo", **options: Any) -> Shown:
            address = (folder / f"{name}.html").as_uri()
            page = browser.new_page(viewport={"width": width, "height": 800}, **options)
            shown = Shown(page)

            def requested(request: Any) -> None:
                if request.url != address and not request.url.startswith(("data:", "blob:")):
                    shown.noise.append(f"request: {request.url}")

            def asked(dialog: Any) -> None:
                shown.noise.append(f"dialog: {dialog.message}")
                dialog.dismiss()

            page.on("console", lambda message: shown.noise.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: shown.noise.append(f"error: {error}"))
            page.on("request", requested)
            page.on("dialog", asked)
            page.goto(address)
            return shown

        yield opened
        browser.close()


def drawn(page: Any) -> None:
    """Scrolls to every chart and waits until plotly has drawn it."""
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator("svg.main-svg").first.wait_for()


def open_all(page: Any) -> None:
    for details in page.query_selector_all("details"):
        details.evaluate("(each) => { each.open = true; }")


def test_charts_are_drawn_and_nothing_leaves_the_page(show: Open) -> None:
    shown = show()
    drawn(shown.page)
    assert shown.page.locator(".plot .legendtext").first.text_content() == "full"
    assert shown.noise == []


def test_hostile_names_are_text(show: Open) -> None:
    shown = show()
    drawn(shown.page)
    assert shown.page.locator("#classes th", has_text=SCRIPT).count() == 1
    assert POINTS[0] in shown.page.locator("#training .legendtext").all_text_contents()
    assert shown.page.locator("img[src=x], .plot img").count() == 0
    shown.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent:"
        " 'window.ran = 1'}))"
    )
    assert shown.page.evaluate("window.ran") is None  # the policy stops what escaping might miss
    assert [line for line in shown.noise if "Content Security Policy" not in line] == []


def test_tables_sort(show: Open) -> None:
    page = show().page
    table = page.locator("#results table").first
    heading = table.locator("th", has_text="labelled pixels")
    first = table.locator("tbody tr th")
    assert [text[:8] for text in first.all_text_contents()] == ["fulla & ", "most fre", "points-5"]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    # which has none
    assert [text[:8] for text in first.all_text_contents()] == ["fulla & ", "points-5", "most fre"]
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [text[:8] for text in first.all_text_contents()] == ["points-5", "fulla & ", "most fre"]
    table.locator("th", has_text="method").get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "none"
    assert [text[:8] for text in first.all_text_contents()] == ["fulla & ", "most fre", "points-5"]


def test_the_gallery_steps_by_buttons_and_keys(show: Open) -> None:
    shown = show()
    page, status = shown.page, shown.page.locator(".status")
    assert status.text_content().startswith(
        f"Patch 1 of 6, seed 0: {SCRIPT}@0. {POINTS[0]}: mIoU 77.8 %"
    )
    before = page.locator("#viewer img").first.get_attribute("src")
    page.get_by_role("button", name="Next patch").click()
    assert status.text_content().startswith("Patch 2 of 6")
    assert page.locator("#viewer img").first.get_attribute("src") != before
    page.locator(".panels").first.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert status.text_content().startswith("Patch 6 of 6, seed 2")
    # the reference has none for this seed
    assert "No picture is stored for this run." in page.locator("#viewer").text_content()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert f"{POINTS[1]}: " in status.text_content()
    page.locator("select[name=method]").select_option(label="full")
    assert "full: mIoU" in status.text_content()
    assert page.evaluate(
        "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    )
    assert shown.noise == []


def test_it_works_without_javascript(show: Open) -> None:
    shown = show(java_script_enabled=False)
    page = shown.page
    assert page.locator("#labelled_pixels table").is_visible()
    assert page.locator("#training table").is_visible()
    assert not page.locator(".plot").first.is_visible()
    assert page.locator(".listed > li").count() == 6
    assert page.locator(".listed img").first.is_visible()
    photo = page.locator(".listed .photo").first
    assert photo.is_visible()
    assert photo.get_attribute("aria-label") == f"Test patch seed 0: {SCRIPT}@0"
    sync_api.expect(photo).to_have_css("background-image", re.compile("^url..data:image/png"))
    assert page.get_by_role("button").count() == 0
    assert shown.noise == []


@pytest.mark.parametrize("width", [320, 375])
def test_a_phone_scrolls_down_only(show: Open, width: int) -> None:
    page = show(width=width).page
    drawn(page)
    open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_dark_follows_the_system_in_charts_too(show: Open) -> None:
    shown = show(color_scheme="dark")
    page = shown.page
    drawn(page)
    body, legend = page.locator("body"), page.locator(".plot .legendtext").first
    sync_api.expect(body).to_have_css("background-color", "rgb(20, 23, 27)")
    sync_api.expect(legend).to_have_css("fill", "rgb(233, 236, 240)")
    page.emulate_media(color_scheme="light")
    sync_api.expect(body).to_have_css("background-color", "rgb(255, 255, 255)")
    sync_api.expect(legend).to_have_css("fill", "rgb(22, 24, 29)")
    assert shown.noise == []


def test_every_control_is_reached_by_keyboard(show: Open) -> None:
    page = show().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    seen = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "document.activeElement.name || document.activeElement.tagName.toLowerCase()"
            )
        )
    assert {"button", "summary", "method", "patch", "previous", "next", "pre"} <= seen


def test_selection_tracks_work_beside_each_other(show: Open) -> None:
    shown = show(name="tracked")
    page = shown.page
    drawn(page)
    assert page.locator(".plot").count() == 4  # training of both, validation and seconds of one
    assert page.locator("#validation-weak-val .legendtext").all_text_contents() == [
        POINTS[1],
        "shares",
    ]
    assert "shares (weak-val)" in page.locator("select[name=method] option").all_text_contents()
    page.get_by_role("link", name="Track weak-val").click()
    assert page.evaluate("location.hash") == "#results-weak-val"
    assert shown.noise == []


def test_a_screen_reader_is_told_the_name_of_every_control(show: Open) -> None:
    page = show().page
    drawn(page)
    open_all(page)
    session = page.context.new_cdp_session(page)
    nodes = [
        node for node in session.send("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]
    ]
    kinds = {
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
        "group",
        "DisclosureTriangle",
    }
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if node["role"]["value"] in kinds
    ]
    assert {"button", "link", "combobox", "image", "region", "table"} <= {kind for kind, _ in named}
    # details is a group, which its summary names
    bare = [kind for kind, name in named if not name.strip() and kind != "group"]
    assert bare == []


CONTRASTS = """() => {
  const numbers = (text) => {
    const found = text.match(/[-\\d.]+(?:e-?\\d+)?/g).map(Number);
    const scaled = (each, index) => (index < 3 ? each * 255 : each);
    return text.startsWith("color(") ? found.map(scaled) : found;
  };
  const linear = (each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => [r, g, b].map((each) => linear(each / 255))
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const color = numbers(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    const words = text.textContent.trim();
    if (!words || node.closest("script, style, template, noscript, svg")) continue;
    if (!node.checkVisibility()) continue;
    const lights = [light(numbers(getComputedStyle(node).color)), light(ground(node))];
    const [a, b] = lights.sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.tagName + ": " + words.slice(0, 40)]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(show: Open, scheme: str) -> None:
    page = show(color_scheme=scheme).page
    open_all(page)
    found = page.evaluate(CONTRASTS)
    assert len(found) > 200
    assert [text for ratio, text in found if ratio < 4.5] == []  # WCAG 2.2, 1.4.3
    shaded = """(shade) => { const cell = document.querySelector("td.shaded");
        cell.style.setProperty("--shade", shade);
        cell.classList.toggle("strong", shade > 0.74); }"""
    for step in range(21):
        page.evaluate(shaded, step / 20)
        assert [text for ratio, text in page.evaluate(CONTRASTS) if ratio < 4.5] == [], step / 20
