"""Defects of devices that know a method of fragmentation which is older than RFC 7383, and mix the two up."""

from conformance.ike.ikesa import IkeSa
from conformance.probe.vendors import FRAGMENTATION
from conformance.wire import Message, UnknownPayload, VendorID
from peers.reference.defects.registry import defect


def _announces(message: Message) -> bool:
    return any(isinstance(one, VendorID) and one.data.startswith(FRAGMENTATION) for one in message.payloads)


@defect("frag-vendor-only", "frag-vendor-only-ipv6", "frag-vendor-only-initiator")
class AnyMethodWillDo(IkeSa):
    """Uses fragments of RFC 7383 with a peer that has announced the older method only."""

    def init_announced(self, message: Message) -> None:
        super().init_announced(message)
        self.fragmenting = self.can_fragment() and (self.fragmenting or _announces(message))


@defect("frag-vendor-both")
class OlderMethodFirst(IkeSa):
    """Makes no fragments of RFC 7383 where the peer knows the older method, too, and sends all in one datagram."""

    older = False

    def init_announced(self, message: Message) -> None:
        super().init_announced(message)
        self.older = _announces(message)

    def must_fragment(self, size: int, room: int) -> bool:
        return not self.older and super().must_fragment(size, room)


@defect("frag-vendor-foreign")
class ChokesOnOlderFragments(IkeSa):
    """Gives the IKE SA up when fragments of the older method make no message."""

    def unprotected(self, message: Message) -> None:
        if any(isinstance(one, UnknownPayload) and one.type == 132 for one in message.payloads):
            self.close("not put together")
        super().unprotected(message)
