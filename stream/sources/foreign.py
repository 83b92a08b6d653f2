"""Files of thermal cameras in forms that only their makers' software reads."""

from __future__ import annotations

from pathlib import Path

from stream.errors import SourceError
from stream.uri import Uri

_MAKERS = {
    ".is2": "Fluke",
    ".is3": "Fluke",
    ".bmt": "Testo",
    ".irb": "InfraTec",
    ".irg": "InfiRay",
    ".ptw": "FLIR (Cedip)",
    ".ats": "FLIR (ResearchIR)",
    ".sfmov": "FLIR (ResearchIR)",
    ".fpf": "FLIR",
    ".hir": "Hikvision",
}


def refuse_foreign(uri: Uri) -> None:
    """Refuse a file by the name of its maker, with what to do.

    Raises:
        SourceError: it is one.
    """
    maker = _MAKERS.get(Path(uri.path).suffix.lower())
    if maker and Path(uri.path).is_file():
        raise SourceError(
            f"{uri} is a thermal file of {maker}, whose form is not read; export 16-bit TIFF, radiometric "
            "JPEG or CSV with the maker's software"
        )
