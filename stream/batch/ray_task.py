"""The part of a batch that runs on the nodes of a Ray cluster; does not import Ray."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from stream.batch.execute import unlike
from stream.batch.job import Job
from stream.batch.process import WorkerProcess
from stream.batch.results import OWN_FOLDER

# One a process of Ray, kept from task to task: starting it takes longer than a short recording.
_workers: list[WorkerProcess] = []


def run_job(job: str) -> str:
    """Do a job in a child of this process.

    Args:
        job: as JSON.

    Returns:
        The outcome as JSON.
    """
    if not _workers:
        _workers.append(WorkerProcess())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    try:
        outcome = _workers[0].run(Job.from_json(json.loads(job)), environment)
    except BaseException:  # the task was cancelled
        _workers.pop().close()
        raise
    return json.dumps(outcome.as_json())


def examine_node(jobs: list[str]) -> str:
    """The reason why this node cannot do such jobs; else empty.

    Args:
        jobs: as JSON, one of each kind of weights.
    """
    host = socket.gethostname()
    for job in (Job.from_json(json.loads(text)) for text in jobs):
        if not (Path(job.folder) / OWN_FOLDER).is_dir():
            return f"{host} does not see {job.folder}; outputs and inputs must lie where every node sees them"
        if why := unlike(job):
            return why
    return ""
