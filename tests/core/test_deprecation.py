"""A name that leaves says so where it is used, and works as before."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import assert_type

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.core.deprecation import deprecated


@deprecated(leaves_in="0.4", instead="harness.api.total")
def add(first: int, second: int = 1) -> int:
    """Add two numbers."""
    return first + second


@deprecated(leaves_in="0.4", instead="harness.api.Point")
@dataclass(frozen=True)
class Place:
    """A place in an image."""

    row: int
    column: int = 0

    def moved(self) -> Place:
        """Go one row down."""
        return type(self)(self.row + 1, self.column)


@deprecated(leaves_in="0.5", instead="harness.api.Points")
class Clicks(BaseModel):
    """A component as plugins write them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    count: int = 1


def test_a_call_warns_with_name_version_and_replacement() -> None:
    expected = r"^add leaves in version 0\.4: use harness\.api\.total instead$"
    with pytest.warns(DeprecationWarning, match=expected) as caught:
        assert add(2) == 3
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_line_warns_once_and_another_line_again() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for number in range(3):
            add(number)
        add(7)
    lines = [warning.lineno for warning in caught]
    assert len(lines) == 2
    assert lines[1] == lines[0] + 1


def test_a_script_shows_the_warning_without_any_option(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    lines = [
        "from harness.core.deprecation import deprecated",
        "@deprecated(leaves_in='1.0', instead='new')",
        "def old() -> None: ...",
        "for _ in range(2):",
        "    old()",
    ]
    script.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count("old leaves in version 1.0: use new instead") == 1
    assert f"{script}:5:" in done.stderr


def test_a_function_keeps_its_signature_and_type() -> None:
    assert str(inspect.signature(add)) == "(first: 'int', second: 'int' = 1) -> 'int'"
    assert add.__name__ == "add"
    assert add.__doc__ == "Add two numbers."
    with pytest.warns(DeprecationWarning, match="^add leaves"):
        assert_type(add(1), int)


def test_a_class_warns_where_it_is_made_and_stays_itself() -> None:
    with pytest.warns(DeprecationWarning, match=r"^Place leaves in version 0\.4") as caught:
        place = Place(3)
    assert caught[0].filename == __file__
    assert_type(place, Place)
    assert isinstance(place, Place)
    assert str(inspect.signature(Place)).startswith("(row: 'int', column: 'int' = 0)")
    with pytest.warns(DeprecationWarning, match="^Place leaves"):
        assert place.moved() == Place(4)


def test_a_mistake_in_the_arguments_is_reported_as_before() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(TypeError, match="row"):
            Place()  # type: ignore[call-arg]
        with pytest.raises(ValidationError, match="coun"):
            Clicks.model_validate({"coun": 5})


def test_a_subclass_warns_where_it_is_written_and_not_where_it_is_made() -> None:
    with pytest.warns(DeprecationWarning, match="use harness.api.Point instead"):

        class Corner(Place):
            pass

    assert Corner(1).row == 1  # warnings are errors in these tests


def test_a_component_keeps_its_fields_and_checks() -> None:
    with pytest.warns(DeprecationWarning, match="^Clicks leaves"):
        clicks = Clicks(count=5)
    assert list(Clicks.model_fields) == ["count"]
    assert clicks.model_dump() == {"count": 5}
    with pytest.warns(DeprecationWarning, match="^Clicks leaves"):
        assert Clicks.model_validate({"count": 5}) == clicks


def test_a_value_survives_a_worker_process() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        place = Place(3)
        stored = pickle.dumps(place)
        assert pickle.loads(stored) == place  # noqa: S301 - written in the line above
