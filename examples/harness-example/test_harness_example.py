"""A plugin tests itself with the harness's own contract."""

from typing import Any

import pytest

from harness.testing import catalog_components, check_component


@pytest.mark.parametrize("component", catalog_components("example"))
def test_contract(component: Any) -> None:
    check_component(component)
