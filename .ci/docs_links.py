"""A hook of mkdocs: repository files that pages link to (`../benchmarks/...`) become files of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
_LINK = re.compile(r"\]\(((?:\.\./)+)([^)#]+)((?:#[^)]*)?)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add what pages link to outside of docs/; a link to nothing is left for mkdocs to report."""
    for page in list(files.documentation_pages()):
        for up, path, _ in _LINK.findall(page.content_string):
            target = _outside(page.src_uri, up, path)
            name = f"repository/{target}"
            if target and (ROOT / target).is_file() and name not in files.src_uris:
                files.append(File.generated(config, name, abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to those files."""

    def replaced(link: re.Match[str]) -> str:
        target = _outside(page.file.src_uri, link[1], link[2])
        if target is None:
            return link[0]
        here = posixpath.dirname(page.file.src_uri)
        return f"]({posixpath.relpath(f'repository/{target}', here or '.')}{link[3]})"

    return _LINK.sub(replaced, markdown)


def _outside(page: str, up: str, path: str) -> str | None:
    """Path in the repository of a link that leaves docs/; None where it stays inside."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), up, path))
    return None if target.startswith("docs/") else target
