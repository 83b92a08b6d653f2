"""Places of weight files, and their fingerprints; without torch, for who only names them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from gifnet.config import Kind
from gifnet.errors import WeightsError

PACKAGED = Path(__file__).parent / "data" / "gifnet.safetensors"
"""Our own weights, trained by this project; see data/MODEL_CARD.md."""

PACKAGED_LITE = Path(__file__).parent / "data" / "gifnet_lite.safetensors"
"""The same for the lite network; see data/LITE_CARD.md."""

PUBLISHED_FILE = "published.safetensors"

LARGEST_BYTES = 64 * 1024 * 1024
"""Of a weight file; the full network has 3.3 million bytes of parameters."""


def store() -> Path:
    """Folder of imported weights: $GIFNET_WEIGHTS_DIR, else ~/.cache/gifnet/weights.

    Raises:
        WeightsError: this user has no home folder, as in some containers.
    """
    named = os.environ.get("GIFNET_WEIGHTS_DIR")
    try:
        return Path(named) if named else Path.home() / ".cache" / "gifnet" / "weights"
    except RuntimeError:
        raise WeightsError(
            "there is no home folder for imported weights; name a folder in GIFNET_WEIGHTS_DIR"
        ) from None


def resolve(name_or_path: str | Path, kind: Kind = "full") -> Path:
    """The file that "default", "lite", "published" or a path means.

    Args:
        name_or_path: "default" is the packaged file of the network that `kind` names; "lite" is that of lite.
        kind: the network that is to be loaded.

    Raises:
        WeightsError: when it is not there, with what to do.
    """
    if name_or_path in ("default", "lite"):
        lite = "lite" in (name_or_path, kind)
        return _existing(
            PACKAGED_LITE if lite else PACKAGED,
            "the packaged weights are missing; install gifnet-stream again",
        )
    if name_or_path == "published":
        return _existing(
            store() / PUBLISHED_FILE,
            "the published weights are not here; run `gifnet weights import FILE` "
            "or `gifnet weights fetch published`",
        )
    path = Path(name_or_path)
    return _existing(
        path, f"no weights file {path}; allowed are default, lite, published and a path to a file"
    )


def _existing(path: Path, otherwise: str) -> Path:
    if not path.is_file():
        raise WeightsError(otherwise)
    return path


def checked_sha256(path: Path) -> str:
    """SHA-256 of a file of a reasonable size, in hexadecimal.

    Raises:
        WeightsError: it is too large for weights, or cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise WeightsError(
                f"{path} has {size} bytes and is no weight file of a GIFNet, which has at most "
                f"{LARGEST_BYTES}; check the path"
            )
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"the weights {path} cannot be read: {error.strerror}") from None
