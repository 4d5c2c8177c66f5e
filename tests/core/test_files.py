"""Files are replaced whole, whatever happens to the writer; digests of contents are remembered."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.core.files import (
    read_text,
    replace_file,
    replacing,
    write_json_atomically,
    write_text_atomically,
)
from harness.core.hashing import digest, files_fingerprint


def interrupted_write(path: Path) -> None:
    """Write half a file, and be interrupted."""
    with replacing(path) as partial:
        partial.write_text("ne")
        raise KeyboardInterrupt


def interrupted_cut(path: Path) -> None:
    """Fill a folder in part, and be interrupted."""
    with replacing(path) as partial:
        partial.mkdir()
        (partial / "images.bin").touch()
        raise KeyboardInterrupt


def test_text_and_json_are_written_with_their_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_text_atomically(path, "one\n")
    write_text_atomically(path, "zwölf\n")
    assert path.read_bytes() == "zwölf\n".encode()
    write_json_atomically(path, {"a": [1]})
    assert path.read_text() == '{\n "a": [\n  1\n ]\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_folder_is_moved_in_whole(tmp_path: Path) -> None:
    path = tmp_path / "patches"
    leftover = tmp_path / f".patches.{os.getpid()}"
    leftover.mkdir()
    (leftover / "half").touch()
    with replacing(path) as partial:
        partial.mkdir()
        (partial / "index.json").write_text("{}")
        assert not path.exists()
    assert [file.name for file in path.iterdir()] == ["index.json"]
    with pytest.raises(KeyboardInterrupt):
        interrupted_cut(tmp_path / "other")
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="Is a device"):
        write_text_atomically(pipe, "text")
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "file").touch()
    with pytest.raises(InputError, match=r"taken: cannot be written .*set HARNESS_LEADERBOARDS"):
        replace_file(folder, "text")
    assert list(tmp_path.iterdir()) == [folder]


def test_text_is_read_with_or_without_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffzwölf".encode())
    assert read_text(path) == "zwölf"
    path.write_bytes(b"zw\xf6lf")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_text(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_text(tmp_path / "b.txt")


def test_a_digest_is_of_the_canonical_text() -> None:
    expected = hashlib.sha256(b'{"a":[1,2.5,null],"b":"x"}').hexdigest()
    assert digest({"b": "x", "a": [1, 2.5, None]}) == expected


def test_digests_of_files_are_remembered(tmp_path: Path) -> None:
    file, memory = tmp_path / "a", tmp_path / "cache" / "digests.json"
    file.write_text("one")
    first = files_fingerprint([file], memory)
    assert first == digest([hashlib.sha256(b"one").hexdigest()])
    (tag,) = json.loads(memory.read_text())
    memory.write_text(json.dumps({tag: "remembered"}))
    assert files_fingerprint([file], memory) == digest(["remembered"])


def test_nothing_is_remembered_in_the_null_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may, such as root, would replace the device by a file."""
    stand_in = tmp_path / "null"
    monkeypatch.setattr(os, "devnull", str(stand_in))
    file = tmp_path / "a"
    file.write_text("one")
    files_fingerprint([file], stand_in)
    assert not stand_in.exists()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError, match="link: cannot be read: No such file"):
        files_fingerprint([link], tmp_path / "digests.json")
