"""Networks for other engines: ONNX with free height and width, checked against torch, and OpenVINO IR."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from gifnet import weights as weight_files
from gifnet.config import MIN_SIDE_PX, Kind
from gifnet.errors import ExportError
from gifnet.lite.exposure import brightness_of, expose
from gifnet.lite.model import GIFNetLite
from gifnet.model import GIFNet

OPSET = 20
"""Version of the ONNX operators; engines from 2024 on know them."""

LARGEST_SIDE_PX = 8192
TRACED_PX = (100, 132)
CHECKED_PX = ((96, 128), (61, 50), (120, 163))
"""Heights and widths at which the engines are compared with torch; odd ones are among them."""

LARGEST_DIFFERENCE = 1e-3
"""Of a value in [0, 1]: a quarter of a grey level."""

Engine = Callable[[Tensor, Tensor], Tensor]


def export_onnx(path: Path, kind: Kind = "lite", weights: str | Path = "default") -> float:
    """Write a network as one ONNX file in float32, and run it in onnxruntime against torch.

    Inputs are `visible` and `thermal`, the output is `fused`, all [1, 1, height, width] in [0, 1] with both
    sizes free. The file appears whole or not at all.

    Args:
        path: file to write.
        kind: which network.
        weights: as `gifnet.load` takes them.

    Returns:
        The largest difference between a pixel in onnxruntime and in torch.

    Raises:
        ExportError: a package is missing, the file cannot be written, or onnxruntime gives other pictures.
        WeightsError: the weights are missing, damaged or of the other network.
    """
    for name in ("onnx", "onnxscript"):
        needed(name, "onnx")
    runtime = needed("onnxruntime", "onnx")
    state = weight_files.read(weight_files.resolve(weights, kind))
    network = weight_files.empty(kind)
    weight_files.load_into(network, state)
    sides = {
        axis: torch.export.Dim(name, min=2 * MIN_SIDE_PX, max=LARGEST_SIDE_PX)
        for axis, name in ((2, "height"), (3, "width"))
    }
    pictures = {name: torch.rand(1, 1, *TRACED_PX) for name in ("visible", "thermal")}
    with appearing_whole(path) as part:
        write_onnx(
            _Exported(network.eval()),
            part,
            pictures,
            ["fused"],
            {"network": kind, "weights_sha256": state.sha256},
            {"visible": sides, "thermal": sides},
        )
        difference = _largest_difference(network, _in_onnxruntime(runtime, part), "onnxruntime")
    return difference


@contextlib.contextmanager
def appearing_whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place in the end, or is gone after an error.

    Raises:
        ExportError: it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def write_onnx(
    module: nn.Module,
    path: Path,
    inputs: dict[str, Tensor],
    outputs: list[str],
    facts: dict[str, str],
    free: dict[str, Any] | None = None,
) -> None:
    """Write a module as an ONNX file, traced on the given inputs.

    Args:
        module: takes the inputs in their order.
        path: file to write.
        inputs: by the names that they get in the file.
        outputs: their names.
        facts: kept in the file as its metadata.
        free: for each input, which of its sides are free; none: all are fixed.
    """
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # the exporter warns of its own doings
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=free,
            external_data=False,
        )
        assert program is not None
        program.model.metadata_props.update(facts)
        program.save(path)


def export_openvino(path: Path, kind: Kind = "lite", weights: str | Path = "default") -> float:
    """Write a network as OpenVINO IR, `path` with its `.bin` beside it, and run it on the CPU against torch.

    Arguments, result and errors are those of `export_onnx`.
    """
    openvino = needed("openvino", "openvino")
    network = weight_files.empty(kind).eval()
    weight_files.load_into(network, weight_files.read(weight_files.resolve(weights, kind)))
    between = path.with_suffix(".onnx.part")
    try:
        export_onnx(between, kind, weights)
        core = openvino.Core()
        # Not `convert_model`: that one reports what it does to its maker.
        model = core.read_model(between)
        difference = _largest_difference(network, _in_openvino(core, model), "OpenVINO")
        openvino.save_model(model, path, compress_to_fp16=False)
    except (OSError, RuntimeError) as error:
        raise ExportError(f"OpenVINO cannot take the network: {error}") from None
    finally:
        between.unlink(missing_ok=True)
    return difference


class _Exported(nn.Module):
    """Only what fuses, without checks of what comes in."""

    def __init__(self, network: GIFNet | GIFNetLite) -> None:
        super().__init__()
        self.network = network

    def forward(self, visible: Tensor, thermal: Tensor) -> Tensor:
        if isinstance(self.network, GIFNetLite):
            return expose(self.network.fuse(visible, thermal)[0], brightness_of(visible, thermal))
        features = self.network.encode(visible, thermal)
        return self.network.decode(features, self.network.interact(features, features))


@contextlib.contextmanager
def _quiet() -> Any:
    """Without the exporter's progress on standard output."""
    log = logging.getLogger("onnxscript")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        log.setLevel(before)


def needed(package: str, extra: str) -> ModuleType:
    """A package of an extra, imported with its statistics off.

    Raises:
        ExportError: it is not installed.
    """
    # Both send statistics to their makers as soon as they are imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # so that its import fails
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ExportError(
            f"the export needs {package}, which is not installed; pip install 'gifnet-stream[{extra}]'"
        ) from None


def _in_onnxruntime(runtime: Any, path: Path) -> Engine:
    runtime.disable_telemetry_events()
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(visible: Tensor, thermal: Tensor) -> Tensor:
        fused = session.run(None, {"visible": visible.numpy(), "thermal": thermal.numpy()})[0]
        return torch.from_numpy(fused)

    return run


def _in_openvino(core: Any, model: Any) -> Engine:
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(visible: Tensor, thermal: Tensor) -> Tensor:
        return torch.from_numpy(compiled([visible.numpy(), thermal.numpy()])[0].copy())

    return run


@torch.inference_mode()
def _largest_difference(network: nn.Module, engine: Engine, name: str) -> float:
    """Over a few sizes.

    Raises:
        ExportError: when it is too large.
    """
    random = torch.Generator().manual_seed(0)
    largest = 0.0
    for size in CHECKED_PX:
        visible, thermal = torch.rand(2, 1, 1, *size, generator=random)
        fused = engine(visible, thermal)
        expected = network(visible, thermal)
        if fused.shape != expected.shape:
            raise ExportError(f"{name} gives pictures of {tuple(fused.shape)} for {tuple(expected.shape)}")
        difference = float((fused - expected).abs().max())
        # NaN, which is larger than nothing, has to stay.
        largest = difference if difference > largest or math.isnan(difference) else largest
    if not largest <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"{name} gives other pictures than torch, by up to {largest:.2g} where {LARGEST_DIFFERENCE:g} is "
            "allowed; try another version of it"
        )
    return largest
