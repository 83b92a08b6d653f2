"""Networks that look at a picture and say what is in it.

config.py      sizes of the detector and its classes
backbone.py    features at 1/8, 1/16 and 1/32 of the resolution
detector.py    features to scores and boxes of points, and the detector itself
targets.py     which point has to find which box
losses.py      what training makes small
decode.py      scores and boxes of points to a few boxes
segmenter.py   the class of each pixel, and its loss
finder.py      a detector that is ready to use
onnx_export.py both networks as ONNX files
training.py    training of a detector, by the settings of training_config.py
"""

from gifnet.perception.config import CLASSES, DetectorConfig
from gifnet.perception.decode import Detections, decode
from gifnet.perception.detector import Detector, Predictions
from gifnet.perception.losses import detection_loss
from gifnet.perception.segmenter import Segmenter, segmentation_loss
from gifnet.perception.targets import Boxes

__all__ = [
    "CLASSES",
    "Boxes",
    "Detections",
    "Detector",
    "DetectorConfig",
    "Predictions",
    "Segmenter",
    "decode",
    "detection_loss",
    "segmentation_loss",
]
