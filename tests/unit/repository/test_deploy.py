"""Files for deployment: they parse, keep to this machine, and say what the program understands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from stream.cli.run import run

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cuda"])
def test_image_is_linted_and_not_run_by_root(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.search(r"^USER 10001$", text, re.MULTILINE) and "HEALTHCHECK" in text
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, ROOT / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_images_copy_what_exists() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert kept and all((ROOT / name).exists() for name in kept)


def test_compose_opens_nothing_to_others() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert set(compose["services"]) == {"mediamtx", "gifnet", "prometheus", "grafana"}
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert "0.0.0.0" not in text and not any("ports" in service for service in compose["services"].values())
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists()
        assert service["restart"] == "unless-stopped"


def test_configuration_of_the_example_is_valid() -> None:
    shown = CliRunner().invoke(run, ["-c", str(DEPLOY / "pair.yaml"), "--print-config"])
    assert shown.exit_code == 0, shown.output
    assert "rtsp://127.0.0.1:8554/fused" in shown.output


def test_unit_runs_a_command_that_exists() -> None:
    unit = (DEPLOY / "gifnet@.service").read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=\S+/gifnet (.*)$", unit, re.MULTILINE)
    assert command is not None and command[1] == "run -c /etc/gifnet/%i.yaml"
    assert "Type=notify" in unit and "WatchdogSec=" in unit and "User=gifnet" in unit


def test_a_pod_is_probed_where_its_configuration_answers(tmp_path: Path) -> None:
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    config, deployment = yaml.safe_load_all(text)
    file = tmp_path / "run.yaml"
    file.write_text(config["data"]["run.yaml"])
    shown = CliRunner().invoke(run, ["-c", str(file), "--print-config"])
    assert shown.exit_code == 0, shown.output
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    settings = yaml.safe_load(config["data"]["run.yaml"])
    assert settings["metrics"]["bind"].endswith(f":{ports['metrics']}")
    assert f":{ports['frames']}" in settings["outputs"][0]["uri"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "metrics"
    assert deployment["spec"]["strategy"]["type"] == "Recreate" and deployment["spec"]["replicas"] == 1


def test_release_notes_are_a_section_of_the_changelog() -> None:
    notes = subprocess.run(
        ["make", "-s", "release-notes", "VERSION=Unreleased"], cwd=ROOT, capture_output=True, text=True
    )
    assert notes.stdout.startswith("## Unreleased\n") and notes.stdout.count("\n## ") == 0
    missing = subprocess.run(
        ["make", "-s", "release-notes", "VERSION=99.0.0"], cwd=ROOT, capture_output=True, text=True
    )
    assert missing.returncode and "CHANGELOG.md has no section 99.0.0" in missing.stderr
