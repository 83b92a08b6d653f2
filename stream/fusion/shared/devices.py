"""The devices and networks of all pairs of a process: each is opened once."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from gifnet.config import Kind
from stream.config import Device, FusionSettings
from stream.config.many.pairs import SharingSettings
from stream.device.context import DeviceContext, open_device
from stream.fusion.model_choice import (
    USUAL_RATE,
    AutoNetwork,
    Borrowed,
    LoadedNetwork,
    Rate,
    chooses_by_rate,
    load_whole,
    wanted_kind,
)
from stream.fusion.null_model import NullModel
from stream.fusion.shared.network import Share, SharedNetwork
from stream.fusion.shared.waiting import Waiting
from stream.runtime.clock import Clock
from stream.runtime.cpu_threads import cores

# More frames of a batch gain little on a GPU and cost each of them time.
GPU_BATCH = 8


@dataclass(frozen=True, slots=True)
class _Key:
    """Key by which two pairs' networks are the same one."""

    kind: Kind
    weights: str
    precision: str
    device: str


class SharedDevices:
    """Opens a device for the first pair that asks, and lends it to the others; the same with networks."""

    def __init__(self, sharing: SharingSettings, pairs: int, clock: Clock) -> None:
        """Open nothing yet.

        Args:
            sharing: size of batches, and how long they are waited for.
            pairs: how many there are; the network `auto` is chosen for all of them together.
            clock: for the wait.
        """
        self._sharing, self._pairs, self._clock = sharing, pairs, clock
        self._lock = threading.Lock()
        self._contexts: dict[str, DeviceContext] = {}
        self._networks: dict[_Key, SharedNetwork] = {}

    def context(self, wanted: Device) -> DeviceContext:
        """As `Devices.context`."""
        with self._lock:
            if wanted not in self._contexts:
                self._contexts[wanted] = open_device(wanted)
            return self._contexts[wanted].fork()

    def network(
        self, fusion: FusionSettings, context: DeviceContext, rate: Rate | None = None
    ) -> LoadedNetwork:
        """As `Devices.network`."""
        if fusion.model == "null":
            return NullModel()

        def share(kind: Kind) -> Borrowed:
            return self._share(kind, fusion, context)

        if chooses_by_rate(fusion, rate):
            return AutoNetwork(fusion, context.device, lambda: self._rate_of_all(rate), share)
        return share(wanted_kind(fusion))

    def batches(self) -> dict[str, dict[str, int]]:
        """Batches of each size so far, by network."""
        with self._lock:
            networks = list(self._networks.items())
        return {
            f"{key.kind} {key.device}": {str(size): count for size, count in sorted(shared.sizes.items())}
            for key, shared in networks
        }

    def close(self) -> None:
        """Give all networks up; no pair may use them any more."""
        for shared in self._networks.values():
            shared.close()

    def _rate_of_all(self, rate: Rate | None) -> float:
        return self._pairs * ((rate() if rate else None) or USUAL_RATE)

    def _share(self, kind: Kind, fusion: FusionSettings, context: DeviceContext) -> Share:
        key = _Key(kind, fusion.weights, fusion.precision, str(context.device))
        with self._lock:
            if key not in self._networks:
                network = load_whole(kind, fusion.weights, fusion.precision, context.device)
                waiting = Waiting(self._most(kind, context), self._sharing.wait_ms / 1000)
                self._networks[key] = SharedNetwork(network, kind, context.fork(), waiting, self._clock)
            return self._networks[key].join(context)

    def _most(self, kind: Kind, context: DeviceContext) -> int:
        """Frames of a batch.

        On a CPU lite fuses a picture on each core at a time, and full one picture on all of them: more only
        lets the first wait for the last.
        """
        on_host = cores() if kind == "lite" else 1
        usual = GPU_BATCH if context.has_graphs else on_host
        return min(self._sharing.batch or usual, self._pairs)
