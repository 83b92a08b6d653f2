from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml

from stream.cli.run import run
from stream.config import NAMES, FuseSettings, RunSettings, field_at, leaf_paths, load_yaml, validate
from stream.config.merge import describe, origin_of, overlay
from stream.errors import ConfigError
from stream.pipeline.pairs.load import load_pairs

SMALLEST = {"visible": {"uri": "v.mp4"}, "thermal": {"uri": "t.mp4"}, "outputs": [{"uri": "o.mp4"}]}


def test_every_setting_has_a_name_and_every_name_a_setting() -> None:
    inputs = {"visible.uri", "thermal.uri"}
    assert set(NAMES.values()) | inputs == set(leaf_paths(RunSettings))
    assert len(set(NAMES.values())) == len(NAMES)


def test_every_name_is_an_option_of_run() -> None:
    options = {parameter.name for parameter in run.params if isinstance(parameter, click.Option)}
    others = {"config", "print_config", "quiet", "verbose", "help_all"}
    assert options == set(NAMES) | others


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"output"}))
def test_option_default_is_the_setting_default(name: str) -> None:
    option = next(parameter for parameter in run.params if parameter.name == name)
    expected = field_at(NAMES[name]).default
    if isinstance(option, click.Option) and option.multiple and not isinstance(expected, tuple):
        expected = () if expected is None else (expected,)
    assert option.default == expected


def test_all_problems_are_reported_with_their_path() -> None:
    values = SMALLEST | {
        "pairing": {"tolerence_ms": 3, "unpaired": "maybe"},
        "gain": {"low": -1},
        "report": 7,
    }
    with pytest.raises(ConfigError) as caught:
        validate(RunSettings, values, "run.yaml")
    text = str(caught.value)
    assert text.startswith("run.yaml: ")
    assert "pairing.tolerence_ms is not a known key, allowed are tolerance_ms" in text
    assert "pairing.unpaired: it should be 'drop', 'hold' or 'single', got 'maybe'" in text
    assert "gain.low: it should be greater than or equal to 0, got -1" in text
    assert "report" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outputs": []}, "outputs: there is none, name an output with -o"),
        ({"outputs": "o.mp4"}, "outputs"),
        ({"visible": None}, "visible"),
        ({"gain": {"low": 60, "high": 40}}, "low must be below high, got 60 and 40"),
        ({"pairing": {"offset_ms": float("nan")}}, "pairing.offset_ms: it should be a finite number"),
        (
            {"outputs": [{"uri": "o", "views": []}]},
            "outputs.0.views is not a known key, allowed are uri, view",
        ),
    ],
)
def test_wrong_settings(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")):
        validate(RunSettings, SMALLEST | change, "here")


def test_what_is_missing_comes_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"thermal is missing, .*name an output with -o"):
        validate(RunSettings, {"visible": {"uri": "v.mp4"}}, "the command line")


def test_settings_are_frozen() -> None:
    settings = validate(FuseSettings, {key: SMALLEST[key] for key in ("visible", "thermal")}, "here")
    with pytest.raises(ValueError, match="frozen"):
        settings.device = "cpu"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"visible: [", "is not YAML in line 1"),
        (b"- a", "must be a mapping of settings, got a list"),
        (b"!!python/object/apply:os.getcwd []", "is not YAML"),
        (b"\xff\xfe\x00", "is not"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load_yaml(path)


def test_a_missing_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_yaml(tmp_path / "run.yaml")


def test_the_command_line_wins_over_the_file() -> None:
    from_file = SMALLEST | {"pairing": {"tolerance_ms": 5, "offset_ms": 1}}
    merged = overlay(from_file, {"tolerance_ms": 7.0, "visible": "w.mp4", "view": "thermal"})
    settings = validate(RunSettings, merged, "both")
    assert settings.pairing.tolerance_ms == 7
    assert settings.pairing.offset_ms == 1
    assert settings.visible.uri == "w.mp4"
    assert settings.outputs[0].uri == "o.mp4"
    assert settings.outputs[0].view == "thermal"
    assert from_file["pairing"] == {"tolerance_ms": 5, "offset_ms": 1}


def test_outputs_of_the_command_line_replace_those_of_the_file() -> None:
    merged = overlay(SMALLEST, {"output": ["a.mp4", "b.mkv"], "quality": 20})
    assert [(o.uri, o.quality) for o in validate(RunSettings, merged, "x").outputs] == [
        ("a.mp4", 20),
        ("b.mkv", 20),
    ]


def test_a_section_of_the_wrong_kind_is_left_for_the_check() -> None:
    merged = overlay(SMALLEST | {"pairing": 3}, {"tolerance_ms": 7.0})
    with pytest.raises(ConfigError, match="pairing"):
        validate(RunSettings, merged, "run.yaml")


def test_complaints_name_no_classes() -> None:
    wrong = {"visible": "a.mp4", "thermal": ["b"], "outputs": "o.mp4", "pairing": 3, "gain": {"low": "x"}}
    with pytest.raises(ConfigError) as error:
        validate(RunSettings, wrong, "run.yaml")
    text = str(error.value)
    assert "visible: it should be a mapping of settings, as in visible: {uri: ...}, got a text" in text
    assert "outputs: it should be a list, got a text" in text
    assert "gain.low: it should be a number, got 'x'" in text
    assert "Settings" not in text and "dictionary" not in text


def test_origins() -> None:
    from_file = SMALLEST | {"gain": {"low": 2}}
    named = {"tolerance_ms": 7.0, "visible": "w.mp4"}
    origins = {
        path: origin_of(path, from_file, named)
        for path in (
            "visible.uri",
            "thermal.uri",
            "outputs.0.uri",
            "gain.low",
            "gain.high",
            "pairing.tolerance_ms",
        )
    }
    assert origins == {
        "visible.uri": "command line",
        "thermal.uri": "file",
        "outputs.0.uri": "file",
        "gain.low": "file",
        "gain.high": "default",
        "pairing.tolerance_ms": "command line",
    }


def test_the_description_is_a_configuration_without_passwords() -> None:
    values = SMALLEST | {
        "visible": {"uri": "rtsp://anna:secret@camera/1"},
        "preview": {"hosts": ["a.example", "b:80"]},
    }
    settings = validate(RunSettings, values, "x")
    text = describe(settings, values, {})
    assert "secret" not in text
    read = validate(RunSettings, yaml.safe_load(text), "x")
    assert (read.outputs, read.preview) == (settings.outputs, settings.preview)
    assert "tolerance_ms: auto" in text
    assert text.splitlines()[1].endswith("# file")


CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))
OF_RUN = [path for path in CONFIGS if path.read_text().startswith("# gifnet run -c ")]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_configurations_start_with_their_command(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first.startswith("#")
    assert "gifnet " in first
    assert f"configs/{path.name}" in first


@pytest.mark.parametrize("path", OF_RUN, ids=lambda path: path.name)
def test_configurations_of_run_hold(path: Path) -> None:
    values = load_yaml(path)
    runs = load_pairs(values, {}, str(path)).runs.values() if "pairs" in values else None
    assert all(run.outputs for run in runs or [validate(RunSettings, values, str(path))])


@pytest.mark.parametrize(
    "text",
    [
        "a: 2024-13-45",
        "a: !!int abc",
        f"a: {'9' * 5000}",
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
        ),
        "a: &a [*a]",
        "[" * 5000,
        "a: !!timestamp abc",
        "a: !!bool abc",
        "a: !!int ''",
        f"a: !!float {'1:' * 400}1",
        "\0",
    ],
    ids=[
        "date",
        "integer",
        "long number",
        "aliases",
        "recursion",
        "nesting",
        "timestamp",
        "boolean",
        "empty integer",
        "large float",
        "zero byte",
    ],
)
def test_yaml_that_its_reader_cannot_hold_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"run\.yaml") as caught:
        load_yaml(path)
    assert "\n" not in str(caught.value)


def test_yaml_that_takes_seconds_to_read_is_refused_before(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("a: [" + "1," * 200_000 + "]")
    with pytest.raises(ConfigError, match="is larger than 256 KiB, which no configuration is"):
        load_yaml(path)


def test_an_integer_too_long_to_print_is_refused_by_its_place() -> None:
    with pytest.raises(ConfigError, match=r"pairing\.max_wait_ms: .*got an integer of 20000 bits"):
        validate(RunSettings, {"pairing": {"max_wait_ms": 1 << 19_999}}, "here")


def numbers() -> list[str]:
    return [
        path
        for path in leaf_paths(RunSettings)
        if not path.startswith("outputs") and {float, int} & set(_kinds(field_at(path).annotation))
    ]


def _kinds(annotation: object) -> list[object]:
    return [annotation, *(kind for part in get_args(annotation) for kind in _kinds(part))]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("path", numbers())
def test_no_number_is_beyond_all_bounds(path: str, sign: int) -> None:
    *sections, key = path.split(".")
    values: dict[str, Any] = {"visible": {"uri": "v"}, "thermal": {"uri": "t"}, "outputs": [{"uri": "o"}]}
    change = {key: sign * 1e308}
    if key.startswith("celsius"):
        change = {"celsius_per_count": 1.0, "celsius_at_zero": 1.0} | change
    if sections:
        values[sections[0]] = values.get(sections[0], {}) | change
    else:
        values |= change
    with pytest.raises(ConfigError, match=path.replace(".", r"\.")):
        validate(RunSettings, values, "here")


@pytest.mark.parametrize("key", ["quality", "segment_s", "segment_mb", "keep_free_mb"])
def test_no_number_of_an_output_is_beyond_all_bounds(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"outputs\.0\.{key}"):
        validate(RunSettings, SMALLEST | {"outputs": [{"uri": "o.mp4", key: 1e308}]}, "here")


@pytest.mark.parametrize("offset_ms", [0.0, -5.0, 1.8e12, -1.8e12, "auto"])
def test_offsets_between_any_two_clocks_are_taken(offset_ms: float | str) -> None:
    settings = validate(RunSettings, SMALLEST | {"pairing": {"offset_ms": offset_ms}}, "here")
    assert settings.pairing.offset_ms == offset_ms


def test_a_misspelt_key_is_guessed() -> None:
    with pytest.raises(ConfigError, match=r"\(did you mean tolerance_ms\?\)"):
        validate(RunSettings, SMALLEST | {"pairing": {"tolerence_ms": 3}}, "pair.yaml")


def test_the_stars_of_a_hidden_password_are_no_password() -> None:
    camera = {"uri": "rtsp://camera/1", "user": "anna", "password": "**********"}
    with pytest.raises(ConfigError, match="the password is only stars"):
        validate(RunSettings, SMALLEST | {"visible": camera}, "pair.yaml")
