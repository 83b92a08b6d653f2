"""Answers to a server that asks for a password: Basic (RFC 7617) and Digest (RFC 7616)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Authorization:
    """Makes the `Authorization` field of each request, once a server has asked for one."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._scheme, self._fields, self._count = "", dict[str, str](), 0

    def asked(self, challenges: Sequence[str]) -> bool:
        """Take the `WWW-Authenticate` fields of an answer; False where none of them can be answered.

        Args:
            challenges: one per field, as `Digest realm="camera", nonce="..."`.
        """
        for challenge in sorted(challenges, reverse=True):  # Digest before Basic
            scheme, _, rest = challenge.partition(" ")
            fields = {key.lower(): quoted or plain for key, quoted, plain in _FIELD.findall(rest)}
            algorithm = fields.get("algorithm", "MD5").upper()
            offers = {offer.strip() for offer in fields.get("qop", "auth").split(",")}
            is_digest = scheme.lower() == "digest" and algorithm in _HASHES and "auth" in offers
            if self._user and (is_digest or scheme.lower() == "basic"):
                self._scheme, self._fields, self._count = scheme.lower(), fields, 0
                return True
        return False

    def field(self, method: str, url: str) -> str:
        """Value of the field for a request; empty before a server asked."""
        if self._scheme == "basic":
            token = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
            return f"Basic {token}"
        return self._digest(method, url) if self._scheme else ""

    def _digest(self, method: str, url: str) -> str:
        told, algorithm = self._fields, self._fields.get("algorithm", "MD5").upper()
        realm, nonce = told.get("realm", ""), told.get("nonce", "")
        who = _hashed(algorithm, self._user, realm, self._password)
        what = _hashed(algorithm, method, url)
        values = {"username": self._user, "realm": realm, "nonce": nonce, "uri": url}
        plain = ""
        if "qop" in told:
            self._count += 1
            count, own = f"{self._count:08x}", secrets.token_hex(8)
            values |= {"response": _hashed(algorithm, who, nonce, count, own, "auth", what), "cnonce": own}
            plain = f", qop=auth, nc={count}"
        else:
            values["response"] = _hashed(algorithm, who, nonce, what)
        if "opaque" in told:
            values["opaque"] = told["opaque"]
        if "algorithm" in told:
            plain += f", algorithm={told['algorithm']}"
        return "Digest " + ", ".join(f'{key}="{value}"' for key, value in values.items()) + plain


def _hashed(algorithm: str, *parts: str) -> str:
    return _HASHES[algorithm](":".join(parts).encode()).hexdigest()
