"""Program that becomes `gifnet run`, tied to the process that started it.

    python exec_child.py PARENT WORD...

Linux sends it SIGTERM when PARENT ends in whatever way, so that a run never outlives its actor. Started by
its path, since it needs nothing of this package.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

# <sys/prctl.h>; kept over exec.
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, and become the program."""
    parent, *words = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it ended before
        sys.exit(1)
    os.execv(words[0], words)


if __name__ == "__main__":
    main()
