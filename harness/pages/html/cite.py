"""How to cite a board: the software, the data set, and what was published."""

from __future__ import annotations

from dataclasses import dataclass

from harness.leaderboard.board import Board

TITLE = "weakseg-harness: a benchmark harness for weakly supervised semantic segmentation"

AUTHORS = "The weakseg-harness authors"

DISTRIBUTION = "weakseg-harness"


@dataclass(frozen=True, slots=True)
class Citation:
    """Something to cite."""

    subject: str
    """Software, data set or published numbers."""
    text: str
    """A sentence about it."""
    bibtex: str = ""
    """Its entry, where known."""


def list_citations(board: Board) -> list[Citation]:
    """List what a reader of the board has to cite.

    That is the software as in CITATION.cff, the data set with its licence, and the source of
    published numbers, if the board has any.
    """
    dataset = board.header.dataset
    published = board.header.published
    citations = [
        Citation(
            "Software", f"{TITLE}. See CITATION.cff in its repository.", _software_entry(board)
        ),
        Citation(
            "Data set",
            f"{dataset.name}: {dataset.source}. Licence: {dataset.licence}.",
            dataset.citation,
        ),
    ]
    if published is not None:
        citations.append(Citation("Published numbers", f"{published.source}."))
    return citations


def _software_entry(board: Board) -> str:
    """Write the BibTeX entry of the versions that computed the board."""
    # Braces within braces: the authors are one name, which BibTeX must not take apart.
    fields = [f"  title = {{{TITLE}}}", f"  author = {{{{{AUTHORS}}}}}"]
    versions = _list_versions(board)
    if versions:
        fields.append(f"  version = {{{', '.join(versions)}}}")
    return f"@software{{{DISTRIBUTION},\n" + ",\n".join(fields) + "\n}"


def _list_versions(board: Board) -> list[str]:
    # In the order of the runs, without repetitions: a board may be computed over months.
    versions: list[str] = []
    for record in board.records:
        version = (record.packages or {}).get(DISTRIBUTION)
        if version is not None and version not in versions:
            versions.append(version)
    return versions
