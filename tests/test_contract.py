"""Every installed component keeps the contract."""

from __future__ import annotations

from typing import Any

import pytest

from harness.testing import catalog_components, check_component


@pytest.mark.parametrize("component", catalog_components())
def test_contract(component: Any) -> None:
    check_component(component)
