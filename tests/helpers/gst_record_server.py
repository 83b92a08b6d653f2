"""GStreamer's RTSP server taking a published stream, as a second opinion; run by the system's Python.

    /usr/bin/python3 tests/helpers/gst_record_server.py PORT FILE

prints `port N` when it listens, writes what is published to /fused to FILE as an H.264 stream, and ends when
its standard input is closed.
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
        "( rtph264depay name=depay0 "
        "! video/x-h264,stream-format=byte-stream,alignment=au "
        f"! filesink location={sys.argv[2]} buffer-mode=2 )"
    )
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    server.get_mount_points().add_factory("/fused", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print(f"port {server.get_bound_port()}", flush=True)
    loop.run()


if __name__ == "__main__":
    main()
