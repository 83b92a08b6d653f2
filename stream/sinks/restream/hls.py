"""HLS on disk: files of an earlier run, continuing a playlist, and ending it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from stream.errors import SinkError
from stream.files.atomic_write import check_replaceable, open_without_links, write_atomic
from stream.files.output_path import reason

DIGITS = 6
BEGIN = b"#EXTM3U"
END = "#EXT-X-ENDLIST"
_FLAGS = "delete_segments+independent_segments+temp_file+omit_endlist"


def muxer_options(playlist: Path, segments: int, segment_s: float, dated: bool) -> dict[str, str]:
    """Options of libav's HLS muxer.

    Args:
        playlist: its file.
        segments: how many the playlist names; 0 for all.
        segment_s: seconds of each.
        dated: tell when each was begun.
    """
    return {
        "hls_time": f"{segment_s:g}",
        "hls_list_size": str(segments),
        "hls_delete_threshold": "3",
        "hls_segment_filename": f"{playlist.with_suffix('')}-%0{DIGITS}d.ts",
        "hls_flags": _FLAGS + ("+program_date_time" if dated else ""),
    }


def appending(options: dict[str, str], playlist: Path | None) -> dict[str, str]:
    """The same options, and of a playlist that is there already, to go on after an interruption."""
    if playlist is None or not playlist.exists():
        return options
    return options | {"hls_flags": options["hls_flags"] + "+append_list"}


def open_file(path: str, flags: int, options: object) -> IO[bytes]:
    """Open a file for libav, whose HLS muxer takes no notice when one of its own cannot be written.

    Args:
        path: of a segment or a playlist.
        flags: libav's, 2 for writing.
        options: libav's, of no use here.
    """
    return open(path, "wb", opener=open_without_links) if flags & 2 else open(path, "rb")


def check_foreign(playlist: Path) -> None:
    """Refuse a playlist's name that belongs to something else.

    Raises:
        SinkError: says what is there.
    """
    try:
        check_replaceable(playlist)
        with playlist.open("rb") as file:
            head = file.read(len(BEGIN))
    except FileNotFoundError:
        return
    except OSError as error:
        raise SinkError(f"the output {playlist} cannot be written: {reason(error)}") from None
    if head not in (b"", BEGIN):
        raise SinkError(f"{playlist} is not a playlist and would be overwritten; name another file")


def sweep(playlist: Path, keep_listed: bool) -> None:
    """Remove segments that an earlier run, or a process that was killed, has left behind.

    Args:
        playlist: its file; only segments of its own name in the same folder are removed.
        keep_listed: keep the playlist and what it names.
    """
    listed = set(_read(playlist).split()) if keep_listed else set()
    own = re.compile(rf"{re.escape(playlist.stem)}-\d{{{DIGITS},}}\.ts(\.tmp)?")
    for path in playlist.parent.iterdir():
        if own.fullmatch(path.name) and path.name not in listed:
            path.unlink(missing_ok=True)
    if not keep_listed:
        playlist.unlink(missing_ok=True)


def end_playlist(playlist: Path) -> None:
    """Say that the playlist is complete; may be called twice, and where there is none."""
    text = _read(playlist)
    if not text or END in text:
        return
    write_atomic(playlist, f"{text.rstrip()}\n{END}\n")


def _read(playlist: Path) -> str:
    return playlist.read_text(encoding="utf-8") if playlist.exists() else ""
