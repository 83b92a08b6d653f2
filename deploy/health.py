"""Health check of a container: the page answers, where the run has one; otherwise the process counts."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

ADDRESS = os.environ.get("GIFNET_HEALTH_URL", "")


def main() -> int:
    """0 when `/healthz` at GIFNET_HEALTH_URL answers, or none is named."""
    if not ADDRESS:
        return 0
    try:
        with urllib.request.urlopen(ADDRESS, timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError, ValueError) as error:
        print(f"{ADDRESS}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
