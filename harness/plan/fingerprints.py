"""Fingerprints for the keys of runs: the source of components and the content of data.

Runs of one key must have the same numbers, and a record whose key changes is stale. So whatever can
change a number must change a fingerprint, and nothing else may.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.core.components import Component, Dataset
from harness.core.hashing import digest, files_fingerprint

CORE = "harness"
"""The package that `keys.PROTOCOL` is the version of."""


@cache
def source_fingerprint(component: type[Component]) -> str:
    """Return sha256 of the source that decides what a component does.

    That is its module, and every module of its own package that this one imports, directly or not.
    Comments, docstrings and layout do not count: editing a sentence makes no result stale.
    """
    modules = _modules_of_package(component.__module__)
    # Sorted, since the order of the imports can change no number.
    return digest([[name, modules[name]] for name in sorted(modules)])


def _modules_of_package(first_module: str) -> dict[str, str]:
    """Return the digests of a module and of all that it imports from its own package, by name."""
    package = _package_of(first_module)
    digests: dict[str, str] = {}
    waiting = [first_module]
    while waiting:
        name = waiting.pop()
        if name in digests:
            continue
        module = _read_module(name)
        if module is None:
            # A compiled module has no syntax to hash; its name says at least that it is used.
            digests[name] = name
            continue
        digests[name] = hashlib.sha256(portable_dump(module.tree).encode()).hexdigest()
        # PROTOCOL stands for what a component of the core imports from the core. A hash of that
        # would make its results stale with every edit, also with those that change no number.
        if package != CORE:
            waiting += _imports_of_package(module, package)
    return digests


@dataclass(frozen=True, slots=True)
class _SourceModule:
    """A module as it is written."""

    name: str
    tree: ast.Module
    """Its syntax, without what is for people."""
    is_package: bool
    """True for an `__init__.py`, from which relative imports count one level less."""


def _read_module(name: str) -> _SourceModule | None:
    """Return a module's syntax, without running the module; None where it has no source file."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    is_package = spec.submodule_search_locations is not None
    return _SourceModule(name, without_docstrings(tree), is_package)


def portable_dump(tree: ast.Module) -> str:
    """Return the text of a syntax tree as Python 3.11 dumps it."""
    # A key must not depend on the version of Python, or a board could not be filled on two
    # machines. Python 3.13 leaves empty lists out unless it is told not to; 3.12 added
    # `type_params` to functions and classes.
    if sys.version_info >= (3, 13):
        text = ast.dump(tree, show_empty=True)
    else:
        text = ast.dump(tree)
    return text.replace(", type_params=[]", "")


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Take what is for people out of a syntax tree: docstrings, and the descriptions of fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # Not the first one alone: a string below a field documents that field.
            node.body = [statement for statement in node.body if not _is_string(statement)]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Field":
            node.keywords = [word for word in node.keywords if word.arg != "description"]
    return tree


def _is_string(statement: ast.stmt) -> bool:
    """Return True for a statement that is a string alone."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _imports_of_package(module: _SourceModule, package: str) -> list[str]:
    """Return the names of the modules of a package that a module imports."""
    imports = []
    for node in ast.walk(module.tree):
        for name in _imported_names(node, module):
            # Others are left out before asking whether they exist: asking for a.b imports a, which
            # may take seconds.
            if _package_of(name) == package and _exists(name):
                imports.append(name)
    return imports


def _imported_names(node: ast.AST, module: _SourceModule) -> list[str]:
    """Return the full names in an import statement; no names for other syntax."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        source = _import_source(node, module)
        # Whether `from a import b` takes a module or a function of a: `_exists` knows.
        return [source, *(f"{source}.{alias.name}" for alias in node.names)]
    return []


def _import_source(node: ast.ImportFrom, module: _SourceModule) -> str:
    """Return the full name of the module that a `from ... import` takes from."""
    if not node.level:
        return node.module or ""
    # One dot is the package that holds the module; a package itself is what its one dot means.
    dropped = node.level - 1 if module.is_package else node.level
    parents = module.name.split(".")
    steps = parents[: len(parents) - dropped]
    if node.module:
        steps.append(node.module)
    return ".".join(steps)


def _package_of(module: str) -> str:
    return module.partition(".")[0]


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def data_fingerprint(dataset: Dataset, memory: Path) -> str:
    """Return sha256 of all that decides a data set's scenes and masks.

    `memory` is a file that remembers the digests of files (`files_fingerprint`).
    """
    names = []
    # A dict as an ordered set: scenes may be parts of one file, which then counts once.
    files: dict[Path, None] = {}
    for scene in dataset.scenes():
        names.append([scene.key, scene.group, scene.part])
        files.update(dict.fromkeys(scene.files))
    return digest(
        {
            # Without the folder: the same files count the same wherever they lie.
            "identity": dataset.identity(),
            "version": dataset.version,
            # How files become images and masks.
            "source": source_fingerprint(type(dataset)),
            # Splits and random draws go by key, group and part, in this order.
            "scenes": names,
            "files": files_fingerprint(files, memory),
        }
    )
