"""Messages between a sink and its forwarding process, and the shared memory of the pictures.

Messages go over a pair of private sockets, pickled, one a packet; pixels lie in anonymous memory whose file
descriptor travels with a message. Both vanish with the last of the two processes.
"""

from __future__ import annotations

import mmap
import os
import pickle
import socket
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np

from stream.frame import Colour, Pixels

LARGEST_MESSAGE = 65_536
SLOTS = 4


@dataclass(frozen=True, slots=True)
class Job:
    """Destination and encoder of the forwarded frames.

    Attributes:
        url: as libav takes it, with its password.
        format: libav's name of the muxer.
        options: of the muxer.
        encoder: libav's name.
        encoder_options: of the encoder.
        pixel_format: that the encoder gets.
        rate: frames a second, a hint for the encoder.
        playlist: of HLS; None for others.
        patient: True when every frame counts and nothing is left out for being late.
    """

    url: str
    format: str
    options: dict[str, str]
    encoder: str
    encoder_options: dict[str, str]
    pixel_format: str
    rate: Fraction
    playlist: Path | None = None
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """Slots for pictures of one size; comes with the descriptor of their memory."""

    number: int
    width: int
    height: int
    colour: Colour


@dataclass(frozen=True, slots=True)
class Picture:
    """A slot has been filled at `sent_s`, in seconds of the monotonic clock, with a frame of `time_s`."""

    slot: int
    time_s: Fraction
    sent_s: float


@dataclass(frozen=True, slots=True)
class Done:
    """A slot is free again; its picture was forwarded or not."""

    memory: int
    slot: int
    forwarded: bool


@dataclass(frozen=True, slots=True)
class State:
    """The output works, or it does not and `why`."""

    why: str = ""


Message: TypeAlias = Job | Memory | Picture | Done | State


@dataclass(slots=True)
class Slots:
    """Room for a few pictures in memory of two processes.

    Attributes:
        pixels: [SLOTS, H, W, 3] uint8.
        free: slots that hold nothing, for the side that fills them.
    """

    pixels: Pixels
    free: list[int] = field(default_factory=lambda: list(range(SLOTS)))


def make_slots(width: int, height: int) -> tuple[Slots, int]:
    """New memory.

    Returns:
        The slots, and a descriptor to send; it is the caller's to close.
    """
    descriptor = os.memfd_create("gifnet-onward")
    os.ftruncate(descriptor, SLOTS * width * height * 3)
    return map_slots(descriptor, width, height), descriptor


def map_slots(descriptor: int, width: int, height: int) -> Slots:
    """Memory that a descriptor stands for."""
    memory = mmap.mmap(descriptor, SLOTS * width * height * 3)
    return Slots(np.frombuffer(memory, np.uint8).reshape(SLOTS, height, width, 3))


class Link:
    """One end of the pair of sockets."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Message, *descriptors: int) -> None:
        """Send a message.

        Raises:
            BlockingIOError: the socket does not wait, and the other side does not read.
            OSError: the other side is gone.
        """
        data = pickle.dumps(message)
        if descriptors:
            socket.send_fds(self._end, [data], descriptors)
        else:
            self._end.send(data)

    def receive(self) -> tuple[Message, list[int]] | None:
        """The next message and its descriptors; None when the other side has ended.

        Raises:
            BlockingIOError: the socket does not wait, and there is none.
        """
        try:
            data, descriptors, _, _ = socket.recv_fds(self._end, LARGEST_MESSAGE, 1)
        except ConnectionError:
            return None
        # Nobody else can write to a private pair of sockets.
        return (pickle.loads(data), descriptors) if data else None

    def end(self) -> None:
        """Say that nothing more will come."""
        self._end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close this end."""
        self._end.close()
