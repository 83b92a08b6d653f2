"""A detector that subscribes to a stream, says what it found, and publishes it under the frame's identity.

    gifnet run VISIBLE THERMAL -o zmq+tcp://127.0.0.1:5556
    python examples/detect.py tcp://127.0.0.1:5556                         # people and vehicles
    python examples/detect.py tcp://127.0.0.1:5556 --model yolox_nano.onnx --save found
    python examples/detect.py tcp://127.0.0.1:5556 --hot                   # whatever is hot

`gifnet run --detect` does the same inside a run; this is how to do it beside one, with a detector of your
own. The packaged detector needs nothing else; `--model` takes weights of ours or an ONNX file of the YOLOX
or YOLOv8 layout; `--hot` finds what is much warmer than its surroundings, on the thermal view.

What was found goes out as two parts, topic `<stream>/objects` and JSON (`gifnet.objects/1`), as from
`gifnet run --detect`: `stream.client.ObjectSubscriber` reads both.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import zmq

from stream.client import ReceivedFrame, Subscriber
from stream.config import DetectionSettings
from stream.detection.open import ObjectFinder, open_finder
from stream.errors import GifnetError
from stream.render.boxes import draw_boxes
from stream.zeromq.objects import FoundObject, FoundObjects

# Warmer than the median by so many robust deviations, and at least so much of the range.
DEVIATIONS, LEAST_RISE = 4.0, 40
SMALLEST_SHARE = 0.0005
NO_FILE = "0" * 64


class HotSpots:
    """Finds regions that are much warmer than their surroundings."""

    name, sha256 = "hot spots", NO_FILE

    def find(self, picture: np.ndarray) -> list[FoundObject]:
        """Hot regions of a picture [H, W] or [H, W, 3] uint8."""
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        smooth = cv2.GaussianBlur(grey, (5, 5), 0)
        middle = float(np.median(smooth))
        deviation = 1.4826 * float(np.median(np.abs(smooth - middle)))
        hot = (smooth > middle + max(DEVIATIONS * deviation, LEAST_RISE)).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(hot, connectivity=8)
        found = []
        for x, y, width, height, area in stats[1:count].tolist():
            if area >= SMALLEST_SHARE * grey.size:
                rise = float(smooth[y : y + height, x : x + width].max()) - middle
                found.append(FoundObject("hot", min(1.0, rise / 255 + 0.3), (x, y, x + width, y + height)))
        return found


def objects_of(frame: ReceivedFrame, finder: ObjectFinder | HotSpots) -> FoundObjects:
    """Find objects in a frame; the result carries the frame's identity and times."""
    began_s = perf_counter()
    found = finder.find(frame.pixels)
    header = frame.header
    height, width = frame.pixels.shape[:2]
    return FoundObjects(
        stream=header.stream,
        seq=header.seq,
        time_s=(header.t_visible_ns or header.t_thermal_ns or 0) / 1e9,
        t_visible_ns=header.t_visible_ns,
        t_thermal_ns=header.t_thermal_ns,
        flags=header.flags,
        size=(width, height),
        detector={"name": finder.name, "sha256": finder.sha256},
        detect_ms=round((perf_counter() - began_s) * 1000, 1),
        objects=tuple(FoundObject(each.name, round(each.score, 3), each.box) for each in found),
    )


def sentence(found: FoundObjects) -> str:
    """A line for the terminal: `frame 42: 2 person (0.91, 0.83), 1 vehicle (0.77), in 48 ms`."""
    names = Counter(each.name for each in found.objects)
    parts = []
    for name, count in names.most_common():
        scores = ", ".join(f"{each.score:.2f}" for each in found.objects if each.name == name)
        parts.append(f"{count} {name} ({scores})")
    return f"frame {found.seq}: {', '.join(parts) or 'nothing'}, in {found.detect_ms:.0f} ms"


def save(folder: Path, frame: ReceivedFrame, found: FoundObjects) -> None:
    """Write the picture with its boxes."""
    folder.mkdir(exist_ok=True)
    colour = frame.pixels if frame.pixels.ndim == 3 else cv2.cvtColor(frame.pixels, cv2.COLOR_GRAY2RGB)
    drawn = draw_boxes(colour, found.objects)
    cv2.imwrite(str(folder / f"{found.seq:06d}.png"), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))


def main() -> None:
    """Subscribe, detect, tell, publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="of the publisher, for example tcp://127.0.0.1:5556")
    parser.add_argument("--stream", default="main")
    parser.add_argument("--view", choices=("fused", "visible", "thermal"), help="fused, with --hot thermal")
    parser.add_argument("--model", default="default", help="weights of ours or an ONNX file")
    parser.add_argument("--hot", action="store_true", help="find what is hot, without a model")
    parser.add_argument("--side", type=int, default=416, help="longer side that the model sees, in pixels")
    parser.add_argument("--least-score", type=float, default=0.4)
    parser.add_argument("--publish", default="tcp://127.0.0.1:5558", help="where what is found goes")
    parser.add_argument("--save", type=Path, help="folder for pictures with boxes")
    parser.add_argument("--count", type=int, help="end after so many frames")
    arguments = parser.parse_args()
    settings = DetectionSettings(
        enabled=True, detector=arguments.model, side_px=arguments.side, least_score=arguments.least_score
    )
    try:
        finder = HotSpots() if arguments.hot else open_finder(settings)
    except GifnetError as error:
        raise SystemExit(str(error)) from None
    view = arguments.view or ("thermal" if arguments.hot else "fused")
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.setsockopt(zmq.LINGER, 200)
        socket.setsockopt(zmq.IPV6, "[" in arguments.publish)
        try:
            socket.bind(arguments.publish)
        except zmq.ZMQError as error:
            said = f"{arguments.publish} cannot be bound: {error.strerror}; name another --publish"
            raise SystemExit(said) from None
        camera = Subscriber(arguments.address, arguments.stream, view)
        for number, frame in enumerate(camera.latest(), start=1):
            found = objects_of(frame, finder)
            # Saved first: whoever reads of a detection finds its picture.
            if arguments.save:
                save(arguments.save, frame, found)
            print(sentence(found), flush=True)
            socket.send_multipart([found.topic.encode(), found.as_json()])
            if number == arguments.count:
                return


if __name__ == "__main__":
    main()
