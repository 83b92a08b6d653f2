"""The device and the network of a run: its own, or those of all pairs of the process."""

from __future__ import annotations

from typing import Protocol

from stream.config import Device, FusionSettings
from stream.device.context import DeviceContext, open_device
from stream.fusion.model_choice import LoadedNetwork, Rate, open_network


class Devices(Protocol):
    """Gives a run its device and its network."""

    def context(self, wanted: Device) -> DeviceContext:
        """The context of the device that the settings mean.

        Raises:
            DeviceError: it cannot be had.
        """

    def network(
        self, fusion: FusionSettings, context: DeviceContext, rate: Rate | None = None
    ) -> LoadedNetwork:
        """The network that the settings ask for, see `open_network`.

        Raises:
            WeightsError: the weights cannot be loaded.
            DeviceError: the device does not offer the precision.
        """


class OwnDevices:
    """A device and a network for one run alone."""

    def context(self, wanted: Device) -> DeviceContext:
        """As `Devices.context`."""
        return open_device(wanted)

    def network(
        self, fusion: FusionSettings, context: DeviceContext, rate: Rate | None = None
    ) -> LoadedNetwork:
        """As `Devices.network`."""
        return open_network(fusion, context, rate)
