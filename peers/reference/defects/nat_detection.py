"""Defects of NAT detection, of port 4500 and of forced encapsulation."""

from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.nat import detection
from conformance.ike.core.sending import Handler
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import ExchangeType, Header, Message, Notify, NotifyType, WireError, decode_header
from peers.reference.defects.registry import defect

_SOURCE, _DESTINATION = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP


def _count(message: Message, kind: NotifyType) -> int:
    return sum(one.type == kind for one in message.notifies())


@defect(
    "nat-source-mismatch", "nat-destination-mismatch", "nat-both-mismatch", "nat-masquerade", "nat-4500-first",
    "nat-float-stays", "nat-device-behind", "nat-device-behind-initiator", "nat-both-ends", "nat-forwarded-initiator",
    "nat-ipv6", "nat-rekey", "nat-device-rebind",
)  # fmt: skip
class OwnRequestsOnPort500(IkeSa):
    """Sends its own requests after IKE_AUTH from and to port 500 again."""

    def start(self, message: Message, handler: Handler) -> None:
        if self.children:
            self.local, self.remote = Address(self.local.host, 500), Address(self.remote.host, 500)
        super().start(message, handler)


@defect("nat-destination-mismatch", "nat-both-mismatch", "nat-device-behind", "nat-both-ends")
class StaysWhereInitWas(IkeSa):
    """A responder behind a NAT does not notice that the initiator has floated."""

    def follows(self) -> bool:
        return self.remote_nat and not self.local_nat


@defect("nat-no-detection", "nat-no-detection-initiator")
class InsistsOnNatDetection(IkeSa):
    """Wants no peer without NAT traversal."""

    def detect_nat(self, message: Message) -> None:
        if not _count(message, _SOURCE):
            raise Violation("no NAT detection")
        super().detect_nat(message)

    def respond_init(self, message: Message, raw: bytes) -> None:
        if not _count(message, _SOURCE):
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "no NAT detection")
        super().respond_init(message, raw)


@defect("nat-several-sources")
class RefusesSeveralSources(IkeSa):
    """Takes a second source digest for an error."""

    def respond_init(self, message: Message, raw: bytes) -> None:
        if _count(message, _SOURCE) > 1:
            raise Refusal(NotifyType.INVALID_SYNTAX, "two source digests")
        super().respond_init(message, raw)


@defect("nat-float-several-sources")
class TakesSeveralSourcesForNone(IkeSa):
    """Looks at a source digest only if it is the only one."""

    def detect_nat(self, message: Message) -> None:
        if _count(message, _SOURCE) == 1:
            super().detect_nat(message)


@defect("nat-float-destination", "nat-forwarded-initiator", "nat-device-behind-initiator", "nat-ipv6-initiator")
class NeverFloats(IkeSa):
    """Stays on port 500 though a NAT was detected."""

    def float_port(self) -> None:
        pass


@defect("nat-float-destination", "nat-device-behind-initiator")
class IgnoresDestinationDigest(IkeSa):
    """Does not see that it is behind a NAT itself."""

    def detect_nat(self, message: Message) -> None:
        before = self.local, self.remote
        super().detect_nat(message)
        self.local_nat = False
        if not self.remote_nat:
            self.local, self.remote = before


@defect("nat-marker-missing")
class TakesIkeWithoutMarker(Endpoint):
    """Reads a datagram on port 4500 as an IKE message when it has no marker."""

    def receive(self, datagram: Datagram, now: float) -> None:
        raw = datagram.payload
        if datagram.destination.port == self.connection.local_ports[1] and not raw.startswith(NON_ESP_MARKER):
            datagram = Datagram(datagram.source, datagram.destination, NON_ESP_MARKER + raw)
        super().receive(datagram, now)


@defect("nat-short-datagrams")
class AnswersShortDatagrams(Endpoint):
    """Answers INVALID_SYNTAX to what is shorter than an IKE header."""

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        try:
            decode_header(datagram.payload.removeprefix(NON_ESP_MARKER))
        except WireError:
            header = Header(bytes(8), bytes(8), 0, 0x20, ExchangeType.IKE_SA_INIT, 0, 0, 28)
            self.refuse(header, datagram, Notify(NotifyType.INVALID_SYNTAX))


@defect("nat-forced-responder", "nat-forced-initiator")
class ForcesItselfOnly(IkeSa):
    """Encapsulates by force but lets the peer see that there is no NAT."""

    def nat_notifies(self) -> list[Notify]:
        return detection(self.spi_i, self.spi_r, *self.nat_addresses())


@defect("nat-forced-initiator")
class ForcesThePeerOnly(IkeSa):
    """Makes the peer see a NAT but does not float itself."""

    def float_port(self) -> None:
        if not self.connection.force_encapsulation:
            super().float_port()


@defect("nat-initiator-ports")
class InitiatesFromAnyPort(Endpoint):
    """Opens IKE SAs from an ephemeral port."""

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        return super().new_sa(initiator=initiator, local=Address(local.host, 40500), remote=remote)


@defect("nat-ipv6", "nat-ipv6-initiator")
class NatDetectionForIpv4Only(IkeSa):
    """Does no NAT detection over IPv6."""

    def nat_notifies(self) -> list[Notify]:
        return [] if ":" in self.local.host else super().nat_notifies()

    def detect_nat(self, message: Message) -> None:
        if ":" not in self.local.host:
            super().detect_nat(message)
