"""What `with` does for every sink."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

from stream.errors import SinkError

_log = logging.getLogger(__name__)


class Closing:
    """Gives a class with `close` the methods of a context manager.

    An error of closing is raised only when the block itself went well; otherwise it is logged, so that the
    first error is the one that is seen.
    """

    encoder = ""
    skipped = 0

    def close(self) -> None:
        """Finish and release; may be called twice."""
        raise NotImplementedError  # each sink finishes in its own way

    def __enter__(self) -> Self:
        """The sink itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        try:
            self.close()
        except SinkError as closing_error:
            if error is None:
                raise
            _log.warning("%s", closing_error)
