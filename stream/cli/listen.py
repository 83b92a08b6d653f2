"""`gifnet listen`: a published stream in the terminal, into a folder, or handed to a command."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.errors import SourceError

if TYPE_CHECKING:
    from stream.client.subscriber import ReceivedFrame

TELL_EVERY_S = 1.0
HINT_AFTER_S = 5.0


class Tally:
    """Rate, age and gaps of the frames of the last second."""

    def __init__(self) -> None:
        self.frames = self.missed = 0
        self.ages_ms: list[float] = []

    def add(self, frame: ReceivedFrame, now_ns: int) -> None:
        """Count a frame."""
        self.frames += 1
        self.missed += frame.missed
        header = frame.header
        if header.t_visible_ns is not None and header.latency_ms is not None:
            self.ages_ms.append((now_ns - header.t_visible_ns) / 1e6)

    def line(self, span_s: float) -> str:
        """For the terminal."""
        ages = sorted(self.ages_ms)
        age = ""
        if ages:
            p50, p99 = ages[len(ages) // 2], ages[min(len(ages) - 1, int(len(ages) * 0.99))]
            age = f", age p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        return f"{self.frames / span_s:.1f} frames/s{age}, {self.missed} missed"


@click.command()
@click.argument("address")
@click.option("--stream", default="main", show_default=True, help="Id of the camera pair.")
@click.option(
    "--view",
    type=click.Choice(("fused", "visible", "thermal")),
    default="fused",
    show_default=True,
    help="View.",
)
@click.option("--latest/--every", default=False, help="Only the newest frames, or all. [default: --every]")
@click.option("--count", type=click.IntRange(min=1), help="End after so many frames.")
@click.option("--timeout-s", type=click.FloatRange(min=0.1), help="Give up after so long without a frame.")
@click.option("--save", type=click.Path(path_type=Path), help="Folder for the pictures and frames.jsonl.")
@click.option("--exec", "command", help="Command that reads frames from its standard input.")
@click.option("--exec-format", type=click.Choice(("raw", "jpeg")), default="raw", show_default=True)
@click.option("--key", type=click.Path(path_type=Path), help="This client's secret key file.")
@click.option("--server-key", type=click.Path(path_type=Path), help="The publisher's public key file.")
def listen(
    address: str,
    stream: str,
    view: str,
    latest: bool,
    count: int | None,
    timeout_s: float | None,
    save: Path | None,
    command: str | None,
    exec_format: str,
    key: Path | None,
    server_key: Path | None,
) -> None:
    """Show what comes from ADDRESS, for example tcp://127.0.0.1:5556: rate, age of frames, gaps.

    --exec hands the frames to one command, in whose words {width}, {height} and {pixel_format} are filled in:
    --exec 'ffplay -f rawvideo -pixel_format {pixel_format} -video_size {width}x{height} -i -'
    """
    from stream.cli.frame_pipe import FrameCommand
    from stream.client.subscriber import Subscriber

    if (key is None) != (server_key is None):
        raise click.UsageError("--key and --server-key go together")
    try:
        subscriber = Subscriber(address, stream, view, (key, server_key) if key and server_key else None)
    except (ValueError, OSError) as error:
        what = "the keys cannot be read: " if key else ""
        raise SourceError(f"{what}{error}") from None
    hint = f"{address}: is a run publishing there, with the stream {stream!r} and the view {view!r}?"
    frames = _frames(subscriber.latest if latest else subscriber.every, timeout_s, hint)
    seen = 0
    with FrameCommand(command, exec_format == "jpeg") if command is not None else nullcontext() as reader:
        for frame in _told(frames):
            if save:
                _save(save, frame, first=seen == 0)
            if reader and not reader.write(frame.pixels):
                return
            seen += 1
            if count is not None and seen >= count:
                return
    missing = "" if seen else "; check address, stream, and that something is published"
    raise SourceError(f"no frame came from {address} for {timeout_s:g} s{missing}")


def _told(frames: Iterator[ReceivedFrame]) -> Iterator[ReceivedFrame]:
    """The same frames; prints a line of statistics a second."""
    tally, begun_s = Tally(), time.monotonic()
    for frame in frames:
        tally.add(frame, time.time_ns())
        span_s = time.monotonic() - begun_s
        if span_s >= TELL_EVERY_S:
            click.echo(tally.line(span_s))
            tally, begun_s = Tally(), time.monotonic()
        yield frame


def _frames(
    begin: Callable[[float | None], Iterator[ReceivedFrame]], timeout_s: float | None, hint: str
) -> Iterator[ReceivedFrame]:
    """Frames until the time-out; without a time-out, reports once that none comes, and goes on waiting."""
    if timeout_s is not None:
        yield from begin(timeout_s)
        return
    yield from begin(HINT_AFTER_S)
    click.echo(f"nothing came for {HINT_AFTER_S:g} s from {hint}; waiting, Ctrl-C ends", err=True)
    yield from begin(None)


def _save(folder: Path, frame: ReceivedFrame, first: bool) -> None:
    import cv2

    folder.mkdir(exist_ok=True)
    pixels: Any = frame.pixels
    picture = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    name = f"{frame.header.seq:06d}.png"
    if not cv2.imwrite(str(folder / name), picture):
        raise SourceError(f"{folder / name} cannot be written; check the folder and the disk")
    line = json.loads(frame.header.as_json()) | {"file": name}
    with (folder / "frames.jsonl").open("w" if first else "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@click.command()
@click.argument("clients", nargs=-1, required=True)
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="Folder of keys."
)
def keys(clients: tuple[str, ...], folder: Path) -> None:
    """Make keys for an encrypted publisher and for CLIENTS, by name.

    The publisher takes the folder, as in -o 'zmq+tcp://0.0.0.0:5556?keys=FOLDER'. Each client needs its own
    .key_secret file and the folder's server.key.
    """
    from stream.zeromq.curve_keys import make_keys

    for secret in make_keys(folder, clients):
        click.echo(f"give to {secret.name.removesuffix('.key_secret')}: {secret} and {folder / 'server.key'}")
