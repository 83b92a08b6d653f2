"""Recordings of camera pairs: both streams as they came, and how their frames were paired.

A folder holds

    recording.json          schema, date, cameras
    visible-0000.mkv ...    lossless H.264 of RGB
    thermal-0000.mkv ...    FFV1 of 8 or 16 bits, counts as they came
    frames.jsonl            a line for every frame: side, file, exact time, clock, arrival
    pairs.jsonl             a line for every frame set: the numbers of its frames, flags, pairing error

A new pair of files begins with a new size or pixel format, and when it is time to rotate. All files are whole
up to the last second when the process is killed.
"""

from __future__ import annotations

SCHEMA = "gifnet.recording/1"
ABOUT, FRAMES, PAIRS = "recording.json", "frames.jsonl", "pairs.jsonl"
SCHEME = "recording"
