"""`gifnet export`: a network for onnxruntime, OpenVINO or TensorRT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gifnet.config import Kind


@click.command(epilog="A TensorRT engine of an ONNX file: see docs/lite.md.")
@click.argument("output", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--model",
    type=click.Choice(["full", "lite"]),
    default="lite",
    show_default=True,
    help="The network to export.",
)
@click.option("--weights", default="default", show_default=True, metavar="NAME|FILE", help="Its weights.")
def export(output: Path, model: Kind, weights: str) -> None:
    """Write a network to OUTPUT: NAME.onnx, or NAME.xml for OpenVINO.

    What was written is run on a few sizes and compared with torch; where it gives other pictures, it is
    refused.
    """
    from gifnet.export import OPSET, export_onnx, export_openvino

    if output.suffix not in (".onnx", ".xml"):
        raise click.UsageError(f"OUTPUT must end in .onnx or .xml, got {output}")
    write = export_onnx if output.suffix == ".onnx" else export_openvino
    difference = write(output, model, weights)
    kind = f"ONNX, opset {OPSET}" if output.suffix == ".onnx" else "OpenVINO IR"
    click.echo(f"wrote {output} ({kind}); no pixel differs from torch by more than {difference:.1e}")
