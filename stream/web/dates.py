"""Dates of names and files, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

from stream.runtime.clock import Clock


def utc_now(clock: Clock) -> datetime:
    """The time."""
    return datetime.fromtimestamp(clock.utc_ns() / 1e9, UTC)


def utc_date(clock: Clock) -> date:
    """The day."""
    return utc_now(clock).date()
