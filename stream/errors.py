"""All errors, drawn as one tree.

    GifnetError
    ├── ConfigError         a configuration file or option
    ├── SourceError         a camera, file or folder that frames come from
    │   ├── EndedError      a recording that ends before the time from which it is to be read
    │   ├── LossError       a recording of which much is missing in what was fused
    │   └── RefusedError    a camera that will not open however often one tries
    │       └── PasswordError
    ├── SyncError           two streams that cannot be paired
    ├── CalibrationError    a calibration file, or a pair of sizes that needs one
    ├── DeviceError         a device or precision that this machine does not offer
    │   └── KernelError     CUDA kernels that cannot be compiled or loaded
    ├── WeightsError        weights that are missing, damaged or of another network
    ├── ExportError         a network for another engine that cannot be written, or gives other pictures
    ├── TrainingError       training that cannot start or go on
    ├── SinkError           a file, folder or socket that fused frames go to
    └── StorageError        object storage that inputs come from or outputs go to

The text of each is one sentence: what was wrong, what is allowed, what came, what to do.
"""

from gifnet.errors import DeviceError, ExportError, GifnetError, TrainingError, WeightsError

__all__ = [
    "CalibrationError",
    "ConfigError",
    "DeviceError",
    "EndedError",
    "ExportError",
    "GifnetError",
    "KernelError",
    "LossError",
    "PasswordError",
    "RefusedError",
    "SinkError",
    "SourceError",
    "StorageError",
    "SyncError",
    "TrainingError",
    "WeightsError",
]


class ConfigError(GifnetError):
    """A configuration file or option that is wrong; lists every problem with its YAML path."""


class SourceError(GifnetError):
    """A camera, file or folder that frames cannot be read from."""


class EndedError(SourceError):
    """A recording that ends before the time from which it is to be read."""


class LossError(SourceError):
    """A recording that lost too many frames for its result to represent it."""


class RefusedError(SourceError):
    """A camera that will not open however often one tries: a wrong password, no video, a wrong option."""


class PasswordError(RefusedError):
    """A camera that does not take the user name or password."""


class SyncError(GifnetError):
    """Two streams that cannot be paired."""


class CalibrationError(GifnetError):
    """A calibration file that is wrong, or a pair of sizes that needs one."""


class KernelError(DeviceError):
    """CUDA kernels that cannot be compiled or loaded, for want of CuPy, its compiler or a driver."""


class SinkError(GifnetError):
    """A file, folder or socket that fused frames cannot be written to."""


class StorageError(GifnetError):
    """Object storage that inputs cannot be read from, or outputs cannot be written to."""
