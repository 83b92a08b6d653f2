"""One camera as a calibration knows it, and the matrices of calibrations."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, FiniteFloat

from stream.config import Settings

Size = tuple[int, int]
Array = NDArray[np.float64]
Row = tuple[FiniteFloat, FiniteFloat, FiniteFloat]

# As in OpenCV: none, k1 k2 p1 p2, then k3, then k4 k5 k6, then the thin prism's s1 s2 s3 s4.
DISTORTION_LENGTHS = (0, 4, 5, 8, 12)


def _invertible(matrix: tuple[Row, Row, Row]) -> tuple[Row, Row, Row]:
    if np.linalg.matrix_rank(np.array(matrix)) < 3 or matrix[2][2] == 0:
        raise ValueError("must be an invertible 3x3 matrix whose last number is not 0")
    return matrix


def _camera_matrix(matrix: tuple[Row, Row, Row]) -> tuple[Row, Row, Row]:
    focal_x_px, focal_y_px, last = matrix[0][0], matrix[1][1], matrix[2]
    if focal_x_px <= 0 or focal_y_px <= 0 or matrix[0][1] != 0 or matrix[1][0] != 0 or last != (0, 0, 1):
        raise ValueError("must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0")
    return matrix


def _rotation(matrix: tuple[Row, Row, Row]) -> tuple[Row, Row, Row]:
    rotation = np.array(matrix)
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise ValueError("must be a rotation matrix: orthonormal, with determinant 1")
    return matrix


def _distortion(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if len(numbers) not in DISTORTION_LENGTHS:
        allowed = ", ".join(str(length) for length in DISTORTION_LENGTHS)
        raise ValueError(f"must have {allowed} numbers as in OpenCV, got {len(numbers)}")
    return numbers


Square = tuple[Row, Row, Row]
Homography = Annotated[Square, AfterValidator(_invertible)]
CameraMatrix = Annotated[Square, AfterValidator(_camera_matrix)]
Rotation = Annotated[Square, AfterValidator(_rotation)]
Distortion = Annotated[tuple[FiniteFloat, ...], AfterValidator(_distortion)]
Pixels = Annotated[int, Field(ge=1)]
Metres = Annotated[FiniteFloat, Field(gt=0)]


class PinholeCamera(Settings):
    """One camera: the pinhole model of OpenCV, pixel centres at whole numbers."""

    size: Annotated[tuple[Pixels, Pixels], Field(description="width and height in pixels")]
    camera_matrix: Annotated[CameraMatrix, Field(description="focal lengths and centre in pixels")]
    distortion: Annotated[Distortion, Field(description="k1 k2 p1 p2 k3 ... as in OpenCV")] = ()

    @property
    def matrix(self) -> Array:
        """The camera matrix, [3, 3]."""
        return np.array(self.camera_matrix, dtype=np.float64)

    @property
    def coefficients(self) -> Array:
        """The distortion coefficients; empty for a lens without distortion."""
        return np.array(self.distortion, dtype=np.float64)

    def scaled(self, size: Size) -> Self:
        """The same camera with another number of pixels."""
        matrix = scaling(self.size, size) @ self.matrix
        matrix[2] = (0, 0, 1)
        return self.model_copy(update={"size": size, "camera_matrix": rows_of(matrix)})


def scaling(old: Size, new: Size) -> Array:
    """Pixel coordinates of a scaled picture from those of the original, pixel centres at whole numbers."""
    across, down = new[0] / old[0], new[1] / old[1]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def rows_of(matrix: Array) -> Square:
    """A matrix [3, 3] as it stands in a calibration."""
    first, second, third = ((float(row[0]), float(row[1]), float(row[2])) for row in matrix)
    return first, second, third
