"""Errors of the network package; `stream.errors` draws the whole tree."""


class GifnetError(Exception):
    """Base of every error this project raises on purpose.

    Its text is one sentence for the user: what was wrong, what is allowed, what came, what to do.
    """


class WeightsError(GifnetError):
    """Weights that are missing, damaged or of another network."""


class DeviceError(GifnetError):
    """A device or precision that this machine does not offer."""


class ExportError(GifnetError):
    """A network that cannot be written for another engine, or that gives other pictures there."""


class TrainingError(GifnetError):
    """Training that cannot start or go on: data, configuration or checkpoint."""
