"""IKE SAs that the device still has although it has said that there are none."""

from collections.abc import Sequence

from conformance.ike.core.sending import State
from conformance.script.message import Received
from conformance.wire import ExchangeType, Message, NotifyType
from peers.capabilities import Capability
from peers.contract import Device, DeviceError, SaState
from suites.campaign.case import Problem

GRACE = 10.0
"""Seconds that a device may take until it has forgotten what it has refused; its clock is ours, so nobody waits."""

_ENDS = (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)
_UP = (State.ESTABLISHED, State.REKEYED)
_GONE = (SaState.DELETING, SaState.UNKNOWN)


def left_behind(device: Device, received: Sequence[Received]) -> Problem | None:
    """An IKE SA that a protected answer of IKE_AUTH has refused, and that is listed still.

    Only where the device's clock is ours: another one may need some time.
    """
    if device.real_time or Capability.LIST_SAS not in device.capabilities:
        return None
    ended = {
        (one.message.spi_i, one.message.spi_r)
        for one in received
        if one.protected and one.sa is not None and one.sa.state not in _UP and _ends(one.message)
    }
    if not ended:
        return None
    try:
        kept = [one for one in device.list_sas() if (one.spi_i, one.spi_r) in ended and one.state not in _GONE]
    except DeviceError:
        return None
    if not kept:
        return None
    words = f"the device has refused IKE_AUTH and lists the IKE SA as {kept[0].state} all the same"
    return Problem("left-behind", f"a refused IKE SA is {kept[0].state}", words, "RFC7296-1.2-18")


def _ends(message: Message) -> bool:
    ends = message.exchange == ExchangeType.IKE_AUTH and message.is_response
    return ends and any(message.notify(kind) for kind in _ENDS)
