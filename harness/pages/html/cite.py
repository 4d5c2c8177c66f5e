"""How to cite a board: the software, the data set, and what was published."""

from __future__ import annotations

from dataclasses import dataclass

from harness.leaderboard.board import Board

TITLE = "weakseg-harness: a benchmark harness for weakly supervised semantic segmentation"


AUTHORS = "The weakseg-harness authors"


@dataclass(frozen=True, slots=True)
class Source:
    """Something to cite: what it is, a sentence about it, and its BibTeX where known."""

    what: str
    text: str
    bibtex: str = ""


def sources(board: Board) -> list[Source]:
    """The software as in CITATION.cff, the data set with its licence, and the source of published
    numbers."""
    header, dataset = board.header, board.header["dataset"]
    versions = dict.fromkeys(
        record["packages"]["weakseg-harness"]
        for record in board.records
        if "weakseg-harness" in record.get("packages", ())
    )
    version = ", ".join(versions)
    lines = [f"  title = {{{TITLE}}}", f"  author = {{{{{AUTHORS}}}}}"] + [
        f"  version = {{{version}}}"
    ] * bool(version)
    software = "@software{weakseg-harness,\n" + ",\n".join(lines) + "\n}"
    found = [Source("Software", f"{TITLE}. See CITATION.cff in its repository.", software)]
    data = f"{dataset['name']}: {dataset['source']}. Licence: {dataset['licence']}."
    found.append(Source("Data set", data, dataset.get("citation") or ""))
    if header["published"]:
        found.append(Source("Published numbers", f"{header['published']['source']}."))
    return found
