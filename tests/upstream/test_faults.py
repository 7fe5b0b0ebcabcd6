"""Each fault once: nothing is lost, doubled or changed, and all of it is acknowledged at the end."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from tests.sync.mosquitto import needs_mosquitto
from tests.upstream import faults
from tests.upstream.verdict import Verdict

pytestmark = needs_mosquitto

MEMORY_KB_MAX = 5 * 1024
"""Of cabinet-uplink, beyond what it has while it waits for the broker."""


ALONE = (faults.uplink_killed, faults.collector_killed, faults.cabinetd_killed, faults.pubacks_swallowed)
"""`python -m tests.upstream.faults` has all of them; these are parts of another, or like one of them."""


@pytest.mark.parametrize("fault", [one for one in faults.FAULTS if one not in ALONE], ids=lambda fault: fault.__name__)
def test_everything_arrives_once(fault: Callable[[Random], Verdict]) -> None:
    verdict = fault(Random(1))
    print(f"{fault.__name__}: {verdict}")
    assert verdict.struck, "the fault came too late to hurt"
    assert verdict.good, str(verdict)
    if verdict.redelivered is not None:
        assert verdict.redelivered <= 0.5, str(verdict)
    if verdict.more_kb is not None:
        assert verdict.more_kb < MEMORY_KB_MAX, str(verdict)
