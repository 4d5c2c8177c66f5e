"""The report in a real browser, the system's Chromium: nothing leaves the page, and everything in it works."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from reported import BOARD, POINTS, SCRIPT, store

from harness.report.page import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which is not installed")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@dataclass
class Shown:
    """A page, and all that it should not do: messages, errors, dialogs and requests other than for itself."""

    page: Any
    noise: list[str] = field(default_factory=list)


Open = Callable[..., Shown]


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    folder: Path = tmp_path_factory.mktemp("report")
    store(folder / "runs")
    write_report(BOARD, folder / "runs", folder / "demo.html")
    address = (folder / "demo.html").as_uri()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))

        def opened(width: int = 1280, **options: Any) -> Shown:
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
    shown.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
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
    assert [text[:8] for text in first.all_text_contents()] == ["fulla & ", "points-5", "most fre"]  # which has none
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [text[:8] for text in first.all_text_contents()] == ["points-5", "fulla & ", "most fre"]
    table.locator("th", has_text="method").get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "none"
    assert [text[:8] for text in first.all_text_contents()] == ["fulla & ", "most fre", "points-5"]


def test_the_gallery_steps_by_buttons_and_keys(show: Open) -> None:
    shown = show()
    page, status = shown.page, shown.page.locator(".status")
    assert status.text_content().startswith(f"Patch 1 of 6, seed 0: {SCRIPT}@0. {POINTS[0]}: mIoU 77.8 %")
    before = page.locator("#viewer img").first.get_attribute("src")
    page.get_by_role("button", name="Next patch").click()
    assert status.text_content().startswith("Patch 2 of 6")
    assert page.locator("#viewer img").first.get_attribute("src") != before
    page.locator(".panels").first.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert status.text_content().startswith("Patch 6 of 6, seed 2")
    assert "No picture is stored for this run." in page.locator("#viewer").text_content()  # the reference has none for this seed
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert f"{POINTS[1]}: " in status.text_content()
    page.locator("select[name=method]").select_option(label="full")
    assert "full: mIoU" in status.text_content()
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert shown.noise == []


def test_it_works_without_javascript(show: Open) -> None:
    shown = show(java_script_enabled=False)
    page = shown.page
    assert page.locator("#labelled_pixels table").is_visible()
    assert page.locator("#training table").is_visible()
    assert not page.locator(".plot").first.is_visible()
    assert page.locator(".listed > li").count() == 6
    assert page.locator(".listed img").first.is_visible()
    assert page.get_by_role("button").count() == 0
    assert shown.noise == []


@pytest.mark.parametrize("width", [320, 375])
def test_a_phone_scrolls_down_only(show: Open, width: int) -> None:
    page = show(width=width).page
    drawn(page)
    for details in page.query_selector_all("details"):
        details.evaluate("(each) => { each.open = true; }")
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
        seen.add(page.evaluate("document.activeElement.name || document.activeElement.tagName.toLowerCase()"))
    assert {"button", "summary", "method", "patch", "previous", "next", "pre"} <= seen
