"""Objects in fused pictures: what finds them, and when it looks.

onnx_facts.py   names and sizes that an ONNX file tells of itself
onnx_finder.py  detectors in ONNX files of the YOLOX and YOLOv8 layouts
onnx_masks.py   segmentation networks of ours in ONNX files
open.py         the detector that the settings name
detection.py    looks at the frames of a run: every due one of a recording, the newest of cameras
"""
