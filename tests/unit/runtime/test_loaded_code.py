import subprocess
import sys
from pathlib import Path

import pytest

from stream.runtime.loaded_code import unchanged_mappings

SMAPS = """\
7f00a000-7f00b000 r-xp 00000000 fe:01 12 /lib/code.so
Rss:                   4 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
7f00b000-7f00c000 r--p 00001000 fe:01 12 /lib/relocated.so
Anonymous:             8 kB
Swap:                  0 kB
VmFlags: rd mr mw me
7f00c000-7f00d000 r--p 00001000 fe:01 12 /lib/swapped_out.so
Anonymous:             0 kB
Swap:                  4 kB
VmFlags: rd mr mw me
7f00d000-7f00e000 r--p 00003000 fe:01 12 /lib/name with spaces.so
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
7f00e000-7f00f000 rw-p 00004000 fe:01 12 /lib/data.so
Anonymous:             0 kB
VmFlags: rd
7f010000-7f011000 r--s 00004000 fe:01 12 /lib/shared.so
Anonymous:             0 kB
VmFlags: rd
7f011000-7f012000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
VmFlags: rd
7f012000-7f013000 r-xp 00000000 00:00 0
Anonymous:             0 kB
VmFlags: rd
"""


def test_only_what_equals_the_file_and_cannot_be_written_is_given_back() -> None:
    assert unchanged_mappings(SMAPS) == [(0x7F00A000, 0x7F00B000), (0x7F00D000, 0x7F00E000)]


@pytest.mark.skipif(not Path("/proc/self/smaps").is_file(), reason="Linux tells mappings")
def test_libraries_work_on_with_less_resident_memory() -> None:
    program = """
import cv2, numpy
from stream.runtime.loaded_code import release_loaded_code
def resident_kb():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))
before = resident_kb()
release_loaded_code()
assert resident_kb() < before / 2, (before, resident_kb())
assert cv2.blur(numpy.full((9, 9), 7, numpy.uint8), (3, 3)).max() == 7
assert abs(numpy.linalg.det(numpy.eye(3)) - 1) < 1e-9
"""
    subprocess.run([sys.executable, "-c", program], check=True)
