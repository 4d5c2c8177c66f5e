"""Measures how densely Python code is written, for a ceiling that only falls."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LONGEST = 100
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LAYOUT = (
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.COMMENT,
    tokenize.ENDMARKER,
)


@dataclass(frozen=True)
class Density:
    """How much stands on a line. Lines of code leave out blank lines, comments and docstrings."""

    nodes: float
    """Statements and expressions per line of code."""
    comprehensions: float
    """Comprehensions per 100 lines of code."""
    conditionals: float
    """Conditional expressions per 100 lines of code."""
    long_lines: int
    """Lines of more than 100 columns."""


def measure_density(paths: Iterable[Path]) -> Density:
    """Return the density of the code in some files."""
    lines = nodes = comprehensions = conditionals = long_lines = 0
    for path in paths:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        lines += len(code_lines(text) - docstring_lines(tree))
        long_lines += sum(len(line) > LONGEST for line in text.splitlines())
        for node in ast.walk(tree):
            nodes += isinstance(node, ast.stmt | ast.expr)
            comprehensions += isinstance(node, COMPREHENSIONS)
            conditionals += isinstance(node, ast.IfExp)
    per_hundred = 100 / lines
    return Density(
        nodes / lines, comprehensions * per_hundred, conditionals * per_hundred, long_lines
    )


def code_lines(text: str) -> set[int]:
    """Return the numbers of the lines that have something other than a comment."""
    numbers: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            numbers.update(range(token.start[0], token.end[0] + 1))
    return numbers


def docstring_lines(tree: ast.Module) -> set[int]:
    """Return the numbers of the lines of docstrings."""
    numbers: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, DOCUMENTED) or not node.body:
            continue
        first = node.body[0]
        if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
            continue
        if isinstance(first.value.value, str):
            numbers.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return numbers
