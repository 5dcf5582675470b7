"""Defects of NAT detection that is odd, and of NATs that come between two exchanges."""

from collections.abc import Sequence

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import Message, NotifyType
from peers.reference.defects.registry import defect

_KINDS = (NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP)


def _digests(message: Message) -> list[bytes]:
    return [one.data for one in message.notifies() if one.type in _KINDS]


@defect("nat-appears")
class OnePortWithoutNat(IkeSa):
    """Where it sees no NAT it takes messages from the port of the first one only."""

    def receive(self, raw: bytes, source: Address, destination: Address, now: float) -> None:
        nat = self.local_nat or self.remote_nat
        if self.keys is None or nat or source == self.remote:
            super().receive(raw, source, destination, now)


@defect("nat-digest-sizes")
class OddDigestsAreNone(OnePortWithoutNat):
    """Passes over digests of another size, sees no NAT, and then takes messages from one port only."""

    def detect_nat(self, message: Message) -> None:
        super().detect_nat(message)
        if any(len(one) != 20 for one in _digests(message)):
            self.local_nat = self.remote_nat = False


@defect("nat-digest-alone")
class HalfDetectionFloats(IkeSa):
    """Takes one digest alone for a NAT, and sends its responses to port 4500 wherever a request came from."""

    alone: bool = False

    def detect_nat(self, message: Message) -> None:
        super().detect_nat(message)
        self.alone = len({one.type for one in message.notifies() if one.type in _KINDS}) == 1

    def transmit(self, datagrams: Sequence[bytes], local: Address, remote: Address) -> None:
        there = Address(remote.host, 4500) if self.alone and self.keys is not None else remote
        super().transmit(datagrams, local, there)


@defect("nat-digest-sizes-initiator")
class ComparesWhatThereIs(IkeSa):
    """Compares as many octets of a digest as have come."""

    def detect_nat(self, message: Message) -> None:
        if all(len(one) >= 20 for one in _digests(message)):
            super().detect_nat(message)


@defect("nat-keepalive-odd")
class FollowsWhatIsShort(Endpoint):
    """Takes the source of whatever is too short for ESP or IKE for the new address of the peer."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        short = len(datagram.payload.removeprefix(NON_ESP_MARKER)) < 8
        for sa in self.sas.values() if short else ():
            if sa.remote.host == datagram.source.host:
                sa.remote = datagram.source
