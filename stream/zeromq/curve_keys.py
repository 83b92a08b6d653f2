"""Keys of the CURVE encryption of ZeroMQ: making them, and letting only known clients in.

A folder holds `server.key` and `server.key_secret`, and in `clients/` the public key of every client that is
let in. A client gets `server.key` and its own `NAME.key_secret`.
"""

from __future__ import annotations

import os
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from stream.errors import SinkError

SERVER = "server"
CLIENTS = "clients"


class Gate:
    """Checks the keys of clients, on a thread of pyzmq's own."""

    def __init__(self, authenticator: ThreadAuthenticator) -> None:
        self._authenticator = authenticator

    def close(self) -> None:
        """Stop admitting clients."""
        self._authenticator.stop()


def open_gate(context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], folder: Path) -> Gate:
    """Encrypt a socket that will be bound, and let the clients of a folder in.

    Raises:
        SinkError: the folder has no server's keys, or no client.
    """
    secret, clients = folder / f"{SERVER}.key_secret", folder / CLIENTS
    if not secret.is_file() or not clients.is_dir() or not any(clients.glob("*.key")):
        raise SinkError(
            f"{folder} holds no keys of a server and its clients; make them: gifnet keys -o {folder} NAME"
        )
    public, private = zmq.auth.load_certificate(secret)
    if private is None:
        raise SinkError(f"{secret} holds no secret key; make new keys with gifnet keys")
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(clients))
    socket.curve_publickey, socket.curve_secretkey, socket.curve_server = public, private, True
    return Gate(authenticator)


def make_keys(folder: Path, clients: tuple[str, ...]) -> list[Path]:
    """Make the keys of a server, if it has none yet, and of clients.

    Args:
        folder: made if it is not there.
        clients: names of new clients.

    Returns:
        The secret files to hand to the clients.

    Raises:
        SinkError: a client is there already, or a name is none.
    """
    allowed = folder / CLIENTS
    for name in clients:
        if not name.replace("-", "").replace("_", "").isalnum() or name == SERVER:
            raise SinkError(f"{name!r} is not a valid name for a client; use letters, digits, - and _")
        if (allowed / f"{name}.key").exists():
            raise SinkError(f"{folder} has keys of {name!r} already; remove them first, or take another name")
    before = os.umask(0o077)
    try:
        allowed.mkdir(parents=True, exist_ok=True)
        if not (folder / f"{SERVER}.key_secret").exists():
            zmq.auth.create_certificates(folder, SERVER)
        made = []
        for name in clients:
            public, secret = zmq.auth.create_certificates(folder, name)
            os.replace(public, allowed / f"{name}.key")
            made.append(Path(secret))
        return made
    finally:
        os.umask(before)
