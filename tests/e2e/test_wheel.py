"""The wheel and the source archive hold everything: `gifnet` runs from them without the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a wheel and a source archive of the committed and the changed files."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_wheel_runs_without_the_repository(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/", "examples/"))]
    empty = tmp_path / "empty"
    empty.mkdir()
    # Dependencies come from this environment, the package itself from the wheel alone.
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1"}
    where = _python(["-c", "import stream, gifnet, cuda_kernels; print(stream.__file__)"], empty, environment)
    assert where.strip().startswith(str(tmp_path))
    scene = "synthetic://street?seed=1&duration=0.2&size=160x128"
    _python(
        ["-m", "stream", "run", scene, scene, "-o", "fused.mp4", "--model", "lite", "--device", "cpu"],
        empty,
        environment,
    )
    assert (empty / "fused.mp4").stat().st_size > 1000
    _python(["-m", "stream", "weights", "verify", "default"], empty, environment)
    page = _python(["-c", "import stream.web; print(*stream.web.__path__)"], empty, environment).strip()
    assert {"page.js", "points.html"} <= {path.name for path in (Path(page) / "page").iterdir()}


def test_source_archive_holds_the_licence_and_the_version(built: Path) -> None:
    (archive_path,) = built.glob("*.tar.gz")
    with tarfile.open(archive_path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "NOTICE", "README.md", "pyproject.toml", "gifnet/data/MODEL_CARD.md"} <= names
    assert re.match(r"gifnet_stream-\d+\.\d", archive_path.name)


def _python(arguments: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
