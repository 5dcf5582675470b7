"""Which connection a state is reached with, on either side."""

from dataclasses import dataclass, replace

from conformance.ike.core.connection import Connection
from conformance.script.verdict import NotApplicable
from peers.byhand import as_configured
from peers.capabilities import Capability, needs
from peers.contract import Device, DeviceError
from suites.campaign.scene import Unreachable
from suites.campaign.states import State
from suites.choices import must_take
from suites.conduct import seen_by_device


@dataclass(frozen=True, slots=True)
class Views:
    """A connection as we see it and as the device does."""

    ours: Connection
    theirs: Connection


def views(state: State, device: Device) -> Views:
    """The connection of a state. Raises Unreachable where the device cannot hold it, with the reason."""
    try:
        device.require(*sorted(state.needs))
        ours = state.setup(device.profile)
        theirs = replace(seen_by_device(ours.mirrored(), device.pixit), **state.device)
        device.require(*sorted(needs(theirs)))
        must_take(device.name, device.profile.algorithms, theirs)
        by_hand = Capability.CONFIGURABLE not in device.capabilities
        loaded = as_configured(device, theirs) if by_hand else theirs
    except (DeviceError, NotApplicable) as reason:
        raise Unreachable(str(reason)) from None
    return Views(replace(ours, initial_contact=False), loaded)
