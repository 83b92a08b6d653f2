"""Settings of `gifnet batch`, and of a cluster that works for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stream.config.base import Settings
from stream.config.option_names import NAMES

# Settings of a live run, of many files, or of a run's own account: rows of a batch do not take them.
_NOT_OF_ROWS = (
    *("output", "pair", "report", "logs", "duration_s", "segment_s", "segment_mb", "keep_free_mb"),
    *("queue_frames", "queue_mb", "queue_ms", "damaged", "wait", "visible_rate", "thermal_rate"),
    *("max_wait_ms", "shutter", "thermal_telemetry", "metrics", "takeover"),
)
_NOT_OF_ROWS_PREFIXES = ("preview", "control")
_NOT_OF_ROWS_SUFFIXES = ("_user", "_password", "_transport", "_timeout_s")

ROW_NAMES = tuple(
    name
    for name in NAMES
    if name not in _NOT_OF_ROWS
    and not name.startswith(_NOT_OF_ROWS_PREFIXES)
    and not name.endswith(_NOT_OF_ROWS_SUFFIXES)
)
"""Settings, by their names in `NAMES`, that a row of a manifest may have, and the command for all rows."""


class BatchSettings(Settings):
    """The way in which many recordings are fused."""

    jobs: Annotated[
        int | None,
        Field(
            ge=1,
            le=1024,
            description="recordings that are fused at once on this machine; by default one a core, and with "
            "GPUs two a GPU",
        ),
    ] = None
    retries: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="further attempts at a recording that failed for a reason that may pass, such as a "
            "crash, a full disk or a lost node",
        ),
    ] = 2
    cut: Annotated[
        float | None,
        Field(
            ge=1,
            le=1e6,
            description="fuse recordings that are longer than this in parts of so many seconds, which are "
            "worked on at once and joined without a seam",
        ),
    ] = None
    upload: Annotated[
        str | None,
        Field(
            description="folder in object storage where outputs go in place of the folder of results, as in "
            "s3://bucket/fused"
        ),
    ] = None
    staging_gb: Annotated[
        float,
        Field(
            gt=0,
            le=1e6,
            description="most gigabytes of inputs from object storage that lie on this disk at once",
        ),
    ] = 50.0
    ray_cpus: Annotated[
        float, Field(gt=0, le=1024, description="cores that Ray sets aside for a recording")
    ] = 1.0
    ray_gpus: Annotated[
        float, Field(ge=0, le=64, description="GPUs that Ray sets aside for a recording, 0.5 for half of one")
    ] = 0.0
