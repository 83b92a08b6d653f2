"""Monitoring and control of a run from outside: a page, metrics for Prometheus, a control socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stream.config import RunSettings
from stream.monitoring.status import RunStatus


@contextmanager
def open_panel(settings: RunSettings, panel: RunStatus) -> Iterator[None]:
    """Open every server that the settings ask for; they close with the block, the panel's clip too.

    Raises:
        ConfigError: an address is wrong or taken, or open to others without a secret.
    """
    with ExitStack() as stack:
        stack.callback(panel.close)
        if settings.preview.bind or settings.metrics.bind or settings.control.bind:
            from stream.web.servers import open_servers

            stack.enter_context(open_servers(settings, panel))
        yield
