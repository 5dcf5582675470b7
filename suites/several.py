"""Several IKE SAs of one identity at the same time, which a device may keep or not."""

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import Delete, ProtocolID


def deleted_by_device(sa: ScriptedSa) -> bool:
    """Whether the device has deleted this IKE SA, with a Delete payload."""
    own = (one.message for one in sa.peer.inbox if one.sa is sa and one.protected and not one.message.is_response)
    return any(one.protocol == ProtocolID.IKE for message in own for one in message.all(Delete))


@contextmanager
def side_by_side(*sas: ScriptedSa) -> Iterator[None]:
    """Inside, all of these IKE SAs are needed. They have the same identities, and a device may keep one of such only.

    If something fails inside and the device has deleted one of them, the purpose is not applicable.
    """
    try:
        yield
    except Unexpected:
        if any(deleted_by_device(one) for one in sas):
            raise NotApplicable("the device keeps one IKE SA for each identity, and deletes the older one") from None
        raise
