"""A generated scene as a source."""

from __future__ import annotations

from stream.config import InputSettings
from stream.errors import SourceError
from stream.sources.reader import Reader, Role
from stream.uri import Uri


class SyntheticSource(Reader):
    """Frames of a generated scene."""

    def __init__(self, settings: InputSettings, uri: Uri, role: Role) -> None:
        super().__init__()
        raise SourceError(f"{uri}: generated scenes are not there yet")
