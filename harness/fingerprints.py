"""Hashes of what can change a number: settings, the source of components, the content of data
files."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from harness.components import Component
from harness.data import InputError


def digest(value: Any) -> str:
    """sha256 (hex) of a JSON value in canonical form."""
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


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


def files_fingerprint(files: Iterable[Path], memory: Path) -> str:
    """sha256 over the contents of files, in order, by content alone: not by name or place.

    `memory` is a JSON file that remembers digests by path, size and modification time, so that
    unchanged files are read once. Raises InputError naming a file that cannot be read, such as a
    link to nothing.
    """
    try:
        known: dict[str, str] = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    digests, fresh = [], {}
    for file in files:
        try:
            status = file.stat()
            tag = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
            if tag not in known:
                with file.open("rb") as stream:
                    fresh[tag] = known[tag] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        digests.append(known[tag])
    if fresh:
        memory.parent.mkdir(parents=True, exist_ok=True)
        partial = memory.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(memory)
    return digest(digests)
