"""Reads the small YAML or JSON files that describe a folder of images."""

from __future__ import annotations

from pathlib import Path

import yaml

from harness.api import InputError


def read_document(file: Path, purpose: str) -> object:
    """The content of a YAML or JSON file. Raises InputError naming the file, and its purpose where
    it is missing."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{file} is missing: {purpose}") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(
            f"{file}: is neither YAML nor JSON: {' '.join(str(error).split())}"
        ) from error
