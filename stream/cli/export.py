"""`gifnet export`: a network for onnxruntime, OpenVINO or TensorRT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from gifnet.config import Kind


@click.command(epilog="A TensorRT engine of an ONNX file: see docs/lite.md.")
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--model",
    type=click.Choice(["full", "lite", "detector", "segmenter"]),
    default="lite",
    show_default=True,
    help="The network to export.",
)
@click.option(
    "--weights",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="Its weights; a segmenter has none by default.",
)
@click.option(
    "--size",
    metavar="WxH",
    help="Of the pictures that a detector or segmenter sees, by default 416x416 and 640x480.",
)
def export(output: Path, model: str, weights: str, size: str | None) -> None:
    """Write a network to OUTPUT: NAME.onnx, or NAME.xml for OpenVINO.

    The detector and the segmenter are written as ONNX only, for gifnet run --detector and others.

    What was written is run on a few sizes and compared with torch; where it gives other pictures, it is
    refused.
    """
    if output.suffix not in (".onnx", ".xml"):
        raise click.UsageError(f"OUTPUT must end in .onnx or .xml, got {output}")
    if model in ("detector", "segmenter"):
        _export_perception(output, model, weights, size)
        return
    from gifnet.export import OPSET, export_onnx, export_openvino

    if size:
        raise click.UsageError("--size is for --model detector or segmenter; full and lite take every size")
    write = export_onnx if output.suffix == ".onnx" else export_openvino
    difference = write(output, cast("Kind", model), weights)
    kind = f"ONNX, opset {OPSET}" if output.suffix == ".onnx" else "OpenVINO IR"
    click.echo(f"wrote {output} ({kind}); no pixel differs from torch by more than {difference:.1e}")


def _export_perception(output: Path, model: str, weights: str, size: str | None) -> None:
    from gifnet.export import OPSET
    from gifnet.perception.onnx_export import export_detector, export_segmenter

    if output.suffix != ".onnx":
        raise click.UsageError(f"the {model} is written as NAME.onnx, got {output}")
    if model == "segmenter" and weights == "default":
        raise click.UsageError(
            "there is no packaged segmenter; give --weights NAME_segmentation.safetensors "
            "of gifnet train --joint"
        )
    width, height = _size(size, "416x416" if model == "detector" else "640x480")
    if model == "detector":
        if width != height:
            raise click.UsageError(f"a detector sees square pictures, got --size {size}")
        difference = export_detector(output, weights, width)
    else:
        difference = export_segmenter(output, Path(weights), (width, height))
    click.echo(
        f"wrote {output} (ONNX, opset {OPSET}); no score differs from torch by more than {difference:.1e}"
    )


def _size(text: str | None, default: str) -> tuple[int, int]:
    parts = (text or default).split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 32 <= int(part) <= 4096 for part in parts):
        raise click.UsageError(f"--size must be WxH with sides of 32 to 4096 pixels, got {text}")
    return int(parts[0]), int(parts[1])
