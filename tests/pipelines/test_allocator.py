"""Freed memory goes back to the system."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_GROWS_AND_SHRINKS = """
import sys
from pathlib import Path

from pipelines.allocator import return_freed_memory

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if sys.argv[1] == "set":
    assert return_freed_memory()
for _ in range(3):  # glibc learns from the first blocks that are freed
    block = bytearray(b"x" * 262144)
    del block
before = resident_bytes()
kept = []
large = []
for _ in range(200):
    large.append(bytearray(b"x" * 262144))
    kept.append(bytearray(b"x" * 4096))
del large
print(resident_bytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_large_blocks_are_returned_although_small_ones_lie_between() -> None:
    """Of 50 MiB in large blocks nothing stays with the process; without the settings most of it does."""
    command = [sys.executable, "-c", _GROWS_AND_SHRINKS, "set"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8 * 2**20
