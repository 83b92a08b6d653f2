"""Hides secrets in the command line of this process, which every user of the machine can list."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

from stream.uri import mask_text

# Options whose value is a secret.
_ENDINGS = ("-token", "-password")
# Places of the two ends of the command line among the words behind the name in /proc/self/stat; see proc(5).
_ARG_START, _ARG_END = 45, 46


def hide_secrets() -> None:
    """Write over the secrets of the command line, in place; does nothing where the system has no /proc.

    Until Python has started, for some tenths of a second, the secrets can be seen: a configuration file and
    the environment are the ways that never show them.
    """
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
        start, end = int(words[_ARG_START]), int(words[_ARG_END])
        with open("/proc/self/cmdline", "rb") as file:
            line = file.read()
        # Another length means that the line was moved or renamed already.
        if start and len(line) == end - start:
            ctypes.memmove(start, hidden(line), len(line))


def hidden(line: bytes) -> bytes:
    """A command line, each word ended by a zero byte, with its secrets hidden; as long as before."""
    shown, is_secret = [], False
    for word in line.split(b"\0"):
        name, equals, _ = os.fsdecode(word).partition("=")
        names_secret = name.startswith("--") and name.endswith(_ENDINGS)
        if is_secret:
            text = ""
        elif names_secret and equals:
            text = name + equals
        else:
            text = mask_text(os.fsdecode(word))
        changed = is_secret or text != os.fsdecode(word)
        shown.append(os.fsencode(text).ljust(len(word), b"*")[: len(word)] if changed else word)
        is_secret = names_secret and not equals
    return b"\0".join(shown)
