"""The numbers of one tiny run.

A change that moves them raises PROTOCOL in harness/plan/keys.py and writes the new numbers here.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from installed import TINY, Workplace

from harness.plan.keys import PROTOCOL

GOLDEN = {
    "full": {"losses": [1.6777510046958923, 1.588535487651825], "labelled_pixels": 28672},
    "points-5": {"losses": [1.6335659623146057, 1.666817307472229], "labelled_pixels": 175},
}


TRAINING = "batch_size: 8, precision: fp32, augment: [flips, rotations, color-jitter]"
"""Precision is fixed, because `auto` differs between machines; augmentation draws numbers too."""


@pytest.mark.slow
def test_golden_numbers(workplace: Workplace) -> None:
    workplace.write("tiny.yaml", TINY.replace("batch_size: 8", TRAINING))
    done = workplace.harness("run", "tiny.yaml", "--executor", "inline")
    assert done.returncode == 0, done.stderr
    assert PROTOCOL == 1
    for path in (workplace.folder / "runs").glob("*/record.json"):
        record = json.loads(path.read_text())
        golden = GOLDEN[record["method"]]
        losses = [epoch["loss"] for epoch in record["history"]]
        # Not exactly equal: processors add in different orders.
        assert losses == pytest.approx(golden["losses"], rel=1e-4)
        # Every pixel of the one test image is counted.
        assert np.sum(record["confusion"]["counts"][0]) == 64 * 64
        assert record["ledger"]["labelled_pixels"] == golden["labelled_pixels"]
