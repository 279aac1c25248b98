"""What was freed goes back to the system."""

import sys
from pathlib import Path

import pytest

from nmflab.system.memory import give_back


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator alone keeps it")
def test_what_lies_below_a_thing_in_use_is_given_back():
    blocks = [bytes(100_000) for _ in range(1000)]
    del blocks[:-1]  # the last one keeps the heap from shrinking by itself
    before = resident()
    give_back()
    assert resident() <= before
    assert blocks
