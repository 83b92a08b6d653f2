"""Recordings of camera pairs: both streams as they came, and how their frames were paired.

A folder holds

    recording.json          schema, date, cameras
    visible-0000.nut ...    lossless H.264 of RGB
    thermal-0000.nut ...    FFV1 of 8 or 16 bits, counts as they came
    frames.jsonl            a line for every frame: side, file, exact time, clock, arrival
    pairs.jsonl             a line for every frame set: the numbers of its frames, flags, pairing error

A new pair of files begins with a new size or pixel format, and when it is time to rotate. NUT is FFmpeg's own
container: a frame is in the file as soon as it is written, where others keep it until the next one or longer.
So all files are whole up to the last frame when the process is killed.
"""

from __future__ import annotations

SCHEMA = "gifnet.recording/1"
ABOUT, FRAMES, PAIRS = "recording.json", "frames.jsonl", "pairs.jsonl"
SCHEME = "recording"
