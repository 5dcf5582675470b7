"""How much of what there is a device takes."""

from collections.abc import Sequence
from typing import Any

from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import Header, Message, NotifyType, Payload
from peers.capabilities import Capability
from peers.reference.variants.registry import variant


@variant(
    "RFC 7296, 2.6 and 5: state for half-open IKE SAs is limited; what is not answered will be asked again",
    unclear=dict.fromkeys(("fuzz-before-init", "fuzz-before-auth"), "they leave many IKE SAs half-open"),
)
class FewHalfOpen(Endpoint):
    """Keeps at most five half-open IKE SAs for an address, for 30 s each, and drops requests for more."""

    limit = 5
    lasts = 30.0

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        half_open = [
            sa
            for sa in self.sas.values()
            if sa.state == State.HALF_OPEN and not sa.initiator and sa.remote.host == datagram.source.host
        ]
        over = [sa for sa in half_open if self.now > sa.created + self.lasts]
        for sa in over:
            sa.close("IKE_AUTH never came")
            self.collect(sa)
        if len(half_open) - len(over) >= self.limit and self.answered(header, raw, datagram) is None:
            self.note("too many half-open IKE SAs")
        else:
            super().init_requested(header, raw, datagram)


class _SmallMessages(Endpoint):
    """Drops what is larger."""

    most = 3000

    def receive(self, datagram: Datagram, now: float) -> None:
        marker = 4 if datagram.payload[:4] == bytes(4) else 0
        if len(datagram.payload) - marker <= self.most:
            super().receive(datagram, now)


@variant(
    "RFC 7296, 2: messages of more than 3000 octets need not be taken",
    _SmallMessages,
    lacks=(Capability.FRAGMENTATION,),
    advice={"RFC7296-2.21.2-1": "nothing is said of what is not taken at all"},
)
class AtMostThreeThousand(IkeSa):
    """Takes no message of more than 3000 octets, and knows no fragments."""

    def can_fragment(self) -> bool:
        return False


@variant(
    "RFC 7296, 1.3: NO_ADDITIONAL_SAS is also for rekeys, and until the old SA is deleted there is one more",
    about=("session_life",),
)
class NeedsRoomForRekeys(IkeSa):
    """Takes a rekey for one SA more, and refuses it where there are as many as there may be."""

    def has_room(self, message: Message) -> bool:
        limit = self.connection.child_sa_limit
        return limit is None or len(self.children) < limit

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        limit = self.connection.ike_sa_limit
        if limit is not None and len(self.neighbours) >= limit:
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "there are enough IKE SAs")
        return super().handle_rekey(message)


@variant("RFC 7296, 2.1: a request that is not answered comes again, so who is flooded may drop some")
class FloodProtection(Endpoint):
    """Takes one IKE_SA_INIT request in 20 ms from an address, and drops the others."""

    interval = 0.02

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.taken: dict[str, float] = {}

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        host = datagram.source.host
        if self.now < self.taken.get(host, -self.interval) + self.interval:
            self.note("too many IKE_SA_INIT requests")
        else:
            self.taken[host] = self.now
            super().init_requested(header, raw, datagram)
