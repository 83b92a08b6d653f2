"""Fused frames as JPEG and PNG, made once however many look."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import get_args

import cv2
import numpy as np

from stream.frame import ColourMap, FusedFrame, Pixels, View
from stream.render.views import render

VIEWS: tuple[View, ...] = get_args(View)
COLOUR_MAPS: tuple[ColourMap, ...] = get_args(ColourMap)
QUALITY = 85
MOST_KEPT = 8


class Pictures:
    """Makes JPEG pictures of frames; may be used by several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, View, int, ColourMap], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def jpeg(self, frame: FusedFrame, view: View, width: int, colour_map: ColourMap = "heat") -> bytes:
        """A view of a frame.

        Args:
            frame: it.
            view: which picture.
            width: in pixels; larger pictures are made smaller.
            colour_map: of the view `thermal-colour`.
        """
        key = (frame.index, view, width, colour_map)
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            picture = _shrunk(render(frame, view, colour_map), width)
            kept = _encoded(picture, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            with self._lock:
                self._kept[key] = kept
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return kept


def png(frame: FusedFrame, view: View, colour_map: ColourMap = "heat") -> bytes:
    """A view of a frame, whole and without loss."""
    return _encoded(render(frame, view, colour_map), ".png", [])


def _shrunk(pixels: Pixels, width: int) -> Pixels:
    if pixels.shape[1] <= width:
        return pixels
    height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def _encoded(pixels: Pixels, suffix: str, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    assert done, pixels.shape
    return bytes(data)
