"""Clients of a run: subscribe to its frames, read its status, change its settings.

from stream.client import Subscriber
with Subscriber("tcp://127.0.0.1:5556") as frames:
for frame in frames:
frame.pixels                              # [H, W, 3] uint8 RGB
"""

from stream.client.control import Control, ControlError
from stream.client.objects import ObjectSubscriber
from stream.client.subscriber import AsyncSubscriber, MessageError, ReceivedFrame, Subscriber

__all__ = [
    "AsyncSubscriber",
    "Control",
    "ControlError",
    "MessageError",
    "ObjectSubscriber",
    "ReceivedFrame",
    "Subscriber",
]
