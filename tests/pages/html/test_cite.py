"""What a report says to cite."""

from __future__ import annotations

import yaml
from demo import board_of
from places import ROOT
from reported import BOARD, FULL, HEADER

from harness.pages.html.cite import AUTHORS, TITLE, list_citations


def test_the_software_is_cited_as_the_repository_says() -> None:
    stated = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (stated["title"], stated["authors"][0]["name"]) == (TITLE, AUTHORS)


def test_software_data_and_published_numbers_are_cited() -> None:
    software, data, published = list_citations(BOARD)
    assert software.bibtex == (
        "@software{weakseg-harness,\n"
        f"  title = {{{TITLE}}},\n"
        f"  author = {{{{{AUTHORS}}}}},\n"
        "  version = {0.1.0}\n"
        "}"
    )
    assert data.text == "d: <b>here</b>. Licence: none."
    assert data.bibtex == "@misc{d}"
    assert published.text == "Paper, <i>Table 1</i>."


def test_nothing_published_is_not_cited() -> None:
    board = board_of(HEADER | {"published": None}, FULL)
    assert [citation.subject for citation in list_citations(board)] == ["Software", "Data set"]
