"""GStreamer's RTSP server as a second opinion; run by the system's Python, which has its bindings.

    /usr/bin/python3 tests/helpers/gst_server.py PORT [USER PASSWORD]

asks for the password by digest where there is one, prints `port N` when it listens, and ends when its
standard input is closed.
"""

import sys
import threading


def main() -> None:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(
        "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 "
        "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=12 ! rtph264pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    if len(sys.argv) == 4:
        ask_for_password(GstRtspServer, server, factory, *sys.argv[2:])
    server.get_mount_points().add_factory("/stream", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print(f"port {server.get_bound_port()}", flush=True)
    loop.run()


def ask_for_password(library, server, factory, user: str, password: str) -> None:  # type: ignore[no-untyped-def]
    """Let in only who knows them."""
    token = library.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    factory.add_role_from_structure(role("viewer"))
    auth = library.RTSPAuth()
    auth.set_supported_methods(2)  # digest
    auth.add_digest(user, password, token)
    server.set_auth(auth)


def role(name: str):  # type: ignore[no-untyped-def]
    """May see and play everything."""
    from gi.repository import Gst

    permissions = f"{name}, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    return Gst.Structure.from_string(permissions)[0]


if __name__ == "__main__":
    main()
