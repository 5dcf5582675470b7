"""EAP passed through (RFC 3579): what the AAA server is asked about an IKE SA, and what comes of its answer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.radius.packet import Attribute, Code, Packet, chunks
from conformance.wire import EapCode
from peers.credentials import AAA_PASSWORD
from peers.reference.nas.asking import Question
from peers.reference.nas.client import Client
from peers.reference.nas.sa import GatewaySa

LONGEST = 253
"""Octets of an attribute."""


class Access(Client):
    """Asks who may come in. ``changed`` are the IKE SAs that have something to send."""

    changed: list[GatewaySa]
    number: int = 0

    def gateway_sas(self, sas: Iterable[IkeSa]) -> list[GatewaySa]:
        """Those that are ours to ask about."""
        return [one for one in sas if isinstance(one, GatewaySa)]

    def look_for_questions(self, sas: Iterable[IkeSa]) -> None:
        """Ask for each IKE SA that waits."""
        for sa in self.gateway_sas(sas):
            if sa.forwarded is not None and sa.state != State.CLOSED:
                packet, sa.forwarded = sa.forwarded, None
                if self.nameable(sa.user):
                    given = self.about(sa, packet.encode())
                    self.ask(Code.ACCESS_REQUEST, given, partial(self.decided, sa))
                else:
                    self.refused(sa, None, "a name of too many octets")
            questions, sa.unasked = sa.unasked, ()
            for question in questions:
                self.put_question(sa, question)

    def put_question(self, sa: GatewaySa, question: Question) -> None:
        """Ask for a key, or about a user or a group; what cannot be asked is not known."""
        if self.nameable(question.name):
            self.ask(Code.ACCESS_REQUEST, self.outbound(sa, question), partial(self.told, sa, question))
        else:
            self.told(sa, question, None)

    def told(self, sa: GatewaySa, question: Question, answer: Packet | None) -> None:
        """Only an Access-Accept is one; a challenge is a refusal, for nobody is there to answer it (RFC 2865, 4.4)."""
        sa.was_told(question, answer)
        self.changed.append(sa)

    def outbound(self, sa: GatewaySa, question: Question) -> list[Attribute]:
        """What such a question says: the password is that of gateways, and proves nothing."""
        return [
            ("User-Name", question.name),
            ("User-Password", AAA_PASSWORD),
            ("Acct-Session-Id", self.session_name(sa)),
            *((name, "Outbound" if name == "Service-Type" else one) for name, one in self.where(sa)),
        ]

    def nameable(self, name: bytes) -> bool:
        """Whether a name fits into User-Name."""
        return len(name) <= LONGEST

    def about(self, sa: GatewaySa, packet: bytes) -> list[Attribute]:
        """What an Access-Request says (RFC 2865, section 4.1; RFC 3579, section 3)."""
        return [
            *self.who(sa),
            ("Acct-Session-Id", self.session_name(sa)),
            *self.where(sa),
            *(("EAP-Message", one) for one in chunks(packet)),
            *(("State", one) for one in self.state(sa)),
        ]

    def session_name(self, sa: GatewaySa) -> str:
        """What will be told of him is told under this name (RFC 2866, section 5.5; RFC 5176, section 3)."""
        sa.session_name = sa.session_name or self.new_name()
        return sa.session_name

    def new_name(self) -> str:
        """An Acct-Session-Id that no other session has (RFC 2866, section 5.5)."""
        self.number += 1
        return f"{int(self.now):08X}-{self.number:04X}"

    def who(self, sa: GatewaySa) -> list[Attribute]:
        """The user, as he has told in EAP (RFC 3579, section 2.1)."""
        return [("User-Name", sa.user)] if sa.user else []

    def state(self, sa: GatewaySa) -> tuple[bytes, ...]:
        """What the server has given us for itself (RFC 2865, section 5.24)."""
        return sa.relay.state

    def where(self, sa: GatewaySa) -> list[Attribute]:
        """We, and from where the user comes."""
        return [
            ("NAS-IP-Address", self.here.host),
            ("NAS-Port-Type", "Virtual"),
            ("NAS-Port-Id", self.connection.name),
            ("Service-Type", "Framed"),
            ("Calling-Station-Id", sa.remote.host),
        ]

    # --- decisions ------------------------------------------------------------------------------------------------

    def decided(self, sa: GatewaySa, answer: Packet | None) -> None:
        """The kind of the answer decides, not the EAP packet in it (RFC 3579, section 2.6.3)."""
        if answer is None:
            self.unanswered(sa)
        elif answer.code == Code.ACCESS_ACCEPT:
            self.accepted(sa, answer)
        elif answer.code == Code.ACCESS_CHALLENGE:
            self.challenged(sa, answer)
        else:
            self.rejected(sa, answer)
        self.changed.append(sa)

    def unanswered(self, sa: GatewaySa) -> None:
        """Nobody knows, so nobody comes in, and nothing is made up in EAP (RFC 3579, section 2.1)."""
        self.refused(sa, None, "no AAA server answers")

    def challenged(self, sa: GatewaySa, answer: Packet) -> None:
        """EAP goes on; what cannot be asked of an IKE peer is a refusal (RFC 2865, section 4.4)."""
        packet = answer.eap
        if packet and len(packet) >= 4 and packet[0] == EapCode.REQUEST:
            sa.relay_request(packet, answer.raw(24))
        else:
            self.refused(sa, None, "Access-Challenge without a request of EAP")

    def accepted(self, sa: GatewaySa, answer: Packet) -> None:
        """A contradiction is passed on, not mended (RFC 3579, section 2.6.3)."""
        packet = answer.eap
        if not self.serves(answer):
            self.refused(sa, None, "a service that we do not have")
        elif packet and len(packet) >= 4 and packet[0] == EapCode.SUCCESS:
            sa.relay_success(packet, self.key(answer), answer)
        else:
            failure = packet if packet and len(packet) >= 4 and packet[0] == EapCode.FAILURE else None
            self.refused(sa, failure, "Access-Accept without EAP-Success")

    def rejected(self, sa: GatewaySa, answer: Packet) -> None:
        """A Failure is passed on, a Success is not: he does not come in."""
        packet = answer.eap
        failure = packet if packet and len(packet) >= 4 and packet[0] == EapCode.FAILURE else None
        self.refused(sa, failure, "Access-Reject")

    def refused(self, sa: GatewaySa, packet: bytes | None, why: str) -> None:
        """He does not come in."""
        sa.relay_refusal(packet, why)
        if sa not in self.changed:
            self.changed.append(sa)

    def serves(self, answer: Packet) -> bool:
        """Whether we have the service that is granted (RFC 2865, section 5.6)."""
        return answer.number("Service-Type") in (0, 2, 5)

    def key(self, answer: Packet) -> bytes | None:
        """The MSK, in two halves as the authenticator gets it (RFC 2548, section 2.4); None without them."""
        found = b"".join(one for name in ("MS-MPPE-Recv-Key", "MS-MPPE-Send-Key") for one in answer.all(name)[:1])
        return found or None
