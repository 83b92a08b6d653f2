"""A detector that subscribes to a stream, and publishes what it found under the frame's identity.

    gifnet run VISIBLE THERMAL -o zmq+tcp://127.0.0.1:5556
    python examples/detect.py tcp://127.0.0.1:5556                         # what is hot, on the thermal view
    python examples/detect.py tcp://127.0.0.1:5556 --model yolo.onnx --view fused --save found

Without a model it finds what is much warmer than its surroundings, with nothing to download. With one it runs
any ONNX detector of the YOLOv8 layout (output [1, 4 + classes, N], boxes by centre) through OpenCV.

Detections go out as two parts, topic `<stream>/detections` and JSON, with `seq` and the times of the frame,
so that they can be joined with it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zmq

from stream.client import ReceivedFrame, Subscriber

Box = dict[str, Any]
Detector = Callable[[np.ndarray], list[Box]]

SCHEMA = "gifnet.detections/1"
# Warmer than the median by so many robust deviations, and at least so much of the range.
DEVIATIONS, LEAST_RISE = 4.0, 40
SMALLEST_SHARE = 0.0005


def hot_spots(pixels: np.ndarray) -> list[Box]:
    """Regions that are much warmer than their surroundings, in a picture [H, W] or [H, W, 3] uint8."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(grey, (5, 5), 0)
    middle = float(np.median(smooth))
    deviation = 1.4826 * float(np.median(np.abs(smooth - middle)))
    hot = (smooth > middle + max(DEVIATIONS * deviation, LEAST_RISE)).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(hot, connectivity=8)
    boxes = []
    for x, y, width, height, area in stats[1:count].tolist():
        if area >= SMALLEST_SHARE * grey.size:
            rise = float(smooth[y : y + height, x : x + width].max()) - middle
            score = round(min(1.0, rise / 255 + 0.3), 3)
            boxes.append({"label": "hot", "score": score, "x": x, "y": y, "width": width, "height": height})
    return boxes


def onnx_detector(path: Path, side_px: int, least_score: float) -> Detector:
    """A detector of the YOLOv8 layout; labels are the numbers of the classes."""
    if not path.is_file():
        raise SystemExit(f"the model {path} does not exist")
    try:
        network = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise SystemExit(f"the model {path} cannot be read: {str(error).splitlines()[0]}") from None

    def detect(pixels: np.ndarray) -> list[Box]:
        colour = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
        height, width = colour.shape[:2]
        network.setInput(cv2.dnn.blobFromImage(colour, 1 / 255, (side_px, side_px)))
        found = np.squeeze(network.forward(), axis=0).T
        if found.ndim != 2 or found.shape[1] <= 4:
            raise SystemExit(
                f"the model {path} is no detector of the YOLOv8 layout: "
                f"its output must be [1, 4 + classes, N], and is {[1, *found.T.shape]}"
            )
        scores = found[:, 4:].max(axis=1)
        keep = scores >= least_score
        centres, scores, classes = found[keep, :4], scores[keep], found[keep, 4:].argmax(axis=1)
        scale = np.array([width, height, width, height]) / side_px
        corners = (centres - np.pad(centres[:, 2:] / 2, ((0, 0), (0, 2)))) * scale
        chosen = cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), least_score, 0.5)
        return [_box(str(classes[i]), float(scores[i]), corners[i]) for i in np.ravel(chosen).astype(int)]

    return detect


def _box(label: str, score: float, corners: np.ndarray) -> Box:
    x, y, width, height = (round(float(number), 1) for number in corners)
    return {"label": label, "score": round(score, 3), "x": x, "y": y, "width": width, "height": height}


def message(frame: ReceivedFrame, boxes: list[Box]) -> list[bytes]:
    """The message that is published: the frame's identity and times, and the boxes in its pixels."""
    header = frame.header
    body = {
        "schema": SCHEMA,
        "stream": header.stream,
        "view": header.view,
        "seq": header.seq,
        "t_visible_ns": header.t_visible_ns,
        "t_thermal_ns": header.t_thermal_ns,
        "flags": list(header.flags),
        "boxes": boxes,
    }
    return [f"{header.stream}/detections".encode(), json.dumps(body).encode()]


def draw(pixels: np.ndarray, boxes: list[Box]) -> np.ndarray:
    """The picture in BGR with the boxes on it."""
    code = cv2.COLOR_RGB2BGR if pixels.ndim == 3 else cv2.COLOR_GRAY2BGR
    picture = cv2.cvtColor(pixels, code)
    for box in boxes:
        x, y, width, height = (round(box[side]) for side in ("x", "y", "width", "height"))
        cv2.rectangle(picture, (x, y), (x + width, y + height), (40, 200, 255), 2)
        text = f"{box['label']} {box['score']:.2f}"
        cv2.putText(picture, text, (x, max(12, y - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 200, 255), 1)
    return picture


def main() -> None:
    """Subscribe, detect, publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="of the publisher, for example tcp://127.0.0.1:5556")
    parser.add_argument("--stream", default="main")
    parser.add_argument("--view", choices=("fused", "visible", "thermal"), default="thermal")
    parser.add_argument("--model", type=Path, help="ONNX detector; without one, what is hot")
    parser.add_argument("--side", type=int, default=640, help="side of the model's input in pixels")
    parser.add_argument("--least-score", type=float, default=0.4)
    parser.add_argument("--publish", default="tcp://127.0.0.1:5557", help="where detections go")
    parser.add_argument("--save", type=Path, help="folder for pictures with boxes")
    parser.add_argument("--count", type=int, help="end after so many frames")
    arguments = parser.parse_args()
    detect: Detector = hot_spots
    if arguments.model:
        detect = onnx_detector(arguments.model, arguments.side, arguments.least_score)
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.setsockopt(zmq.LINGER, 200)
        socket.setsockopt(zmq.IPV6, "[" in arguments.publish)
        socket.bind(arguments.publish)
        camera = Subscriber(arguments.address, arguments.stream, arguments.view)
        for number, frame in enumerate(camera.latest(), start=1):
            boxes = detect(frame.pixels)
            # Saved first: whoever reads of a detection finds its picture.
            if arguments.save:
                arguments.save.mkdir(exist_ok=True)
                picture = draw(frame.pixels, boxes)
                cv2.imwrite(str(arguments.save / f"{frame.header.seq:06d}.png"), picture)
            socket.send_multipart(message(frame, boxes))
            if number == arguments.count:
                return


if __name__ == "__main__":
    main()
