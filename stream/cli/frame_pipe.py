"""A command that is handed frames on its standard input."""

from __future__ import annotations

import shlex
import subprocess
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stream.errors import SinkError
from stream.runtime.quiet import error_output

# As FFmpeg names them.
_PIXEL_FORMATS = {(3, "uint8"): "rgb24", (2, "uint8"): "gray", (2, "uint16"): "gray16le"}
JPEG_QUALITY = 90


class FrameCommand:
    """One process that reads frames, one after the other, raw or as JPEG files.

    It begins with the first frame. In its words, `{width}`, `{height}` and `{pixel_format}` are filled in;
    when they change, it ends and begins again. A command that is slow holds up who writes to it.
    """

    def __init__(self, command: str, jpeg: bool = False) -> None:
        """Take the command apart.

        Args:
            command: as typed in a shell, which is not run.
            jpeg: hand over JPEG files in place of raw pixels.

        Raises:
            SinkError: there is no command, or a quotation mark is not closed.
        """
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise SinkError(f"the command {command!r} cannot be taken apart: {error}") from None
        if not self._words:
            raise SinkError("there is no command to hand frames to; name one, for example 'ffplay -i -'")
        self._jpeg = jpeg
        self._form: tuple[tuple[int, ...], str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, pixels: NDArray[Any]) -> bool:
        """Hand a frame over.

        Args:
            pixels: [H, W, 3] uint8 RGB, or [H, W] uint8 or uint16.

        Returns:
            False when the command has ended well and takes no more.

        Raises:
            SinkError: the command cannot be started, or has ended with an error.
        """
        form = (pixels.shape, pixels.dtype.name)
        if form != self._form:
            self.close()
            self._process, self._form = self._begin(form), form
        assert self._process and self._process.stdin
        try:
            self._process.stdin.write(_jpeg_file(pixels) if self._jpeg else np.ascontiguousarray(pixels).data)
            self._process.stdin.flush()
        except BrokenPipeError:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Signal the end of the frames, and wait until the command has ended; may be called twice.

        Raises:
            SinkError: it ended with an error.
        """
        process, self._process, self._form = self._process, None, None
        if process is None:
            return
        try:
            process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            raise SinkError(f"the command {self._words[0]!r} ended with status {process.returncode}")

    def __enter__(self) -> Self:
        """The command itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; an error of the block goes first."""
        try:
            self.close()
        except SinkError:
            if error is None:
                raise

    def _begin(self, form: tuple[tuple[int, ...], str]) -> subprocess.Popen[bytes]:
        shape, dtype = form
        values = {"width": str(shape[1]), "height": str(shape[0])}
        values["pixel_format"] = _PIXEL_FORMATS[len(shape), dtype]
        words = [_filled(word, values) for word in self._words]
        try:
            return subprocess.Popen(words, stdin=subprocess.PIPE, stderr=error_output())
        except OSError as error:
            raise SinkError(f"the command {words[0]!r} cannot be started: {error.strerror}") from None


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _jpeg_file(pixels: NDArray[Any]) -> bytes:
    import cv2

    picture = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else pixels
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise SinkError(f"a picture of {pixels.shape} cannot be written as JPEG")
    return bytes(data)
