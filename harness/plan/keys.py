"""Keys of runs: what can change a number, as settings, source of components and content of data."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.components import Component, Dataset
from harness.core.hashing import digest, files_fingerprint

if TYPE_CHECKING:
    pass

PROTOCOL = 1
"""Version of everything in the core that can change a number. Part of every key: raise it with such
a change."""


@cache
def source_fingerprint(component: type[Component]) -> str:
    """sha256 of the component's module and of every module of its own package that it imports,
    directly or not.

    Comments, docstrings and layout do not count, so that editing a sentence does not make results
    stale.
    """
    package = component.__module__.partition(".")[0]
    waiting, seen = [component.__module__], dict[str, str]()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            seen[module] = module
            continue
        tree = without_docstrings(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
        seen[module] = hashlib.sha256(portable_dump(tree).encode()).hexdigest()
        if package != "harness":  # the core is covered by PROTOCOL
            is_package = spec.submodule_search_locations is not None
            waiting += _imports(tree, module, is_package, package)
    return digest(sorted(seen.items()))


def portable_dump(tree: ast.Module) -> str:
    """Return the text of a syntax tree as Python 3.11 dumps it, so that keys do not depend on the
    version of Python."""
    # Python 3.13 leaves empty lists out unless it is told not to; 3.12 added `type_params` to
    # functions and classes.
    if sys.version_info >= (3, 13):
        text = ast.dump(tree, show_empty=True)
    else:
        text = ast.dump(tree)
    return text.replace(", type_params=[]", "")


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Take what is for people out of a syntax tree: docstrings, and the descriptions of fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_string(line)]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Field":
            node.keywords = [word for word in node.keywords if word.arg != "description"]
    return tree


def _is_string(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def _imports(tree: ast.Module, module: str, is_package: bool, package: str) -> Iterable[str]:
    """Names of the modules of `package` that a module imports."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                kept = len(parents) - node.level + (1 if is_package else 0)
                base = ".".join([*parents[:kept], *([base] if base else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        # Others are left out before asking whether they exist: asking for a.b imports a, which may
        # take seconds.
        yield from (name for name in names if name.partition(".")[0] == package and _exists(name))


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def data_fingerprint(dataset: Dataset, memory: Path) -> str:
    """sha256 of all that decides a data set's scenes: settings, version, source, names, groups,
    parts and the content of its files."""
    scenes = dataset.scenes()
    files = [file for scene in scenes for file in scene.files]
    return digest(
        {
            "identity": dataset.identity(),
            "version": dataset.version,
            "source": source_fingerprint(type(dataset)),
            "scenes": [[scene.key, scene.group, scene.part] for scene in scenes],
            "files": files_fingerprint(dict.fromkeys(files), memory),
        }
    )
