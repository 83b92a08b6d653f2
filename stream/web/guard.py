"""Access control: a token where other machines reach the page; requests of other origins are refused."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from stream.web.address import is_loopback

COOKIE = "gifnet_token"
# Served without a token: health is no secret, and probes can seldom send one.
OPEN_PATHS = ("/healthz", "/readyz")
# Answered also where all connections are taken.
HEALTH_PATHS = (*OPEN_PATHS, "/metrics")
_SAFE = ("GET", "HEAD", "OPTIONS")
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """A middleware.

    On loopback everybody on this machine is let in, but only under a name of this machine: a name on the
    internet that points here would let any web page in (DNS rebinding). Elsewhere a token is asked for, as
    `?token=`, as a cookie or as `Authorization: Bearer`.

    Behind a reverse proxy the names that browsers show are let in too, whatever name the proxy passes on.

    Attributes:
        token: the secret; empty where none is asked for.
        prefix: path below which a proxy shows the page, which the proxy may cut off or leave on.
    """

    def __init__(self, loopback: bool, token: str, hosts: Sequence[str] = (), prefix: str = "") -> None:
        """Decide who is let in.

        Args:
            loopback: whether only this machine can reach the server.
            token: the secret to ask for; one is made up where others reach it and none is given.
            hosts: names, with or without a port, that browsers show for the page.
            prefix: path without a slash at its end, empty for none.
        """
        self._loopback, self._hosts, self.prefix = loopback, frozenset(hosts), prefix
        self.token = token or ("" if loopback else secrets.token_urlsafe(24))

    @property
    def middleware(self) -> Middleware:
        """For an application."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            refusal = self._refusal(request)
            response = refusal or self._welcome(request) or await handler(request)
            if not response.prepared:
                response.headers.update(_HEADERS)
            return response

        return check

    def _refusal(self, request: web.Request) -> web.Response | None:
        host = _hostname(f"//{request.host}")
        if self._loopback and not is_loopback(host) and not self._knows(request.host):
            return refuse(
                403, "this page answers only to localhost, 127.0.0.1, ::1 and the names in preview.hosts"
            )
        origin = request.headers.get("Origin")
        writes = request.method not in _SAFE or "Upgrade" in request.headers
        if writes and origin is not None:
            shown = _authority(origin)
            if shown != request.host and not self._knows(shown):
                return refuse(
                    403,
                    "another page asked for this; open the page itself, or name its host in preview.hosts",
                )
        if self.token and self._path(request) not in OPEN_PATHS and not self._shows_token(request):
            return refuse(401, "a token is needed: open the address that was printed when the run began")
        return None

    def _path(self, request: web.Request) -> str:
        return request.path.removeprefix(self.prefix)

    def _knows(self, authority: str) -> bool:
        """True for a name that the user stated, with its port where the user stated one."""
        return authority.lower() in self._hosts or _hostname(f"//{authority}", brackets=True) in self._hosts

    def _shows_token(self, request: web.Request) -> bool:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        shown = (request.query.get("token", ""), request.cookies.get(COOKIE, ""), bearer)
        return any(hmac.compare_digest(one.encode("utf-8", "replace"), self.token.encode()) for one in shown)

    def _welcome(self, request: web.Request) -> web.Response | None:
        """Keep the token as a cookie, and out of the address line and the history."""
        if not self.token or self._path(request) != "/" or "token" not in request.query:
            return None
        # Relative, since a proxy may show this page anywhere.
        response = web.Response(status=303, headers={"Location": f"{self.prefix}/" if self.prefix else "./"})
        is_secure = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        response.set_cookie(
            COOKIE, self.token, path=self.prefix or "/", secure=is_secure, httponly=True, samesite="Strict"
        )
        return response


def refuse(status: int, sentence: str) -> web.Response:
    """An error as JSON, with one sentence."""
    return web.json_response({"error": sentence}, status=status)


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _hostname(address: str, brackets: bool = False) -> str:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    return f"[{host}]" if brackets and ":" in host else host
