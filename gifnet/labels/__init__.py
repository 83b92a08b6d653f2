"""Labelled pairs: boxes and masks in the common formats, and folders as the data sets lay them out.

classes.py   names of classes to numbers
boxes.py     COCO JSON, VOC XML, YOLO text, KAIST text
masks.py     PNG files of classes
layouts.py   files of a pair in the folders of M3FD, LLVIP, MSRS, MFNet, FLIR-aligned, KAIST, and ours
settings.py  what every training from labelled folders has to be told
load.py      all of it to pairs with their labels, and splits that must not overlap
"""

from gifnet.labels.classes import ClassNames
from gifnet.labels.load import LabelledPair, check_apart, load_labelled

__all__ = ["ClassNames", "LabelledPair", "check_apart", "load_labelled"]
