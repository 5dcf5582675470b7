"""EAP in IKE_AUTH (RFC 7296, sections 2.16 and 3.16), also without a signature of the responder (RFC 5998).

The initiator leaves AUTH out of its first request, the responder proves itself in its first response and asks; rounds
of EAP follow; after the Success both prove themselves, and what went before, with the key that the method has made.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from conformance.crypto.pki import Leaf
from conformance.eap.conversation import Conversation, Outcome
from conformance.eap.making import Means, peer_method, server_method
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.subscriber import Renewal, Usim
from conformance.ike.core.connection import Credential, Eap, Party, Psk, PublicKey
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.core.spine import Spine
from conformance.wire import (
    AUTH,
    EAP,
    EapPacket,
    IDr,
    IdType,
    Message,
    Notify,
    NotifyType,
    Payload,
    PayloadType,
    UnknownPayload,
    WireError,
)

SAFE = ("tls", "ttls", "sim", "aka", "aka-prime")
"""The methods of ours that RFC 5998 takes for safe where nothing else proves who the responder is (section 4)."""


class EapAuth(Spine):
    """Authentication of the initiator by EAP, in both roles. ``eap`` is the conversation, once there is one."""

    peer_class: ClassVar[type[EapPeer]] = EapPeer
    server_class: ClassVar[type[EapServer]] = EapServer

    cards: dict[bytes, Usim] | None = None
    """What SIM and AKA keep for the next conversation of this endpoint, as peer."""
    renewals: dict[bytes, Renewal] | None = None
    """Likewise as server."""
    eap: Conversation | None = None
    eap_only: bool = False
    """The initiator is content with a responder that proves itself by the method alone (RFC 5998, section 3)."""

    # --- both roles -----------------------------------------------------------------------------------------------

    def own_credential(self) -> Credential:
        """After EAP the key of the method, for both (RFC 7296, section 2.16)."""
        return self.credential_of_eap(super().own_credential(), self.initiator)

    def peer_credential(self) -> Credential:
        """After EAP the key of the method."""
        return self.credential_of_eap(super().peer_credential(), not self.initiator)

    def means(self, party: Party) -> tuple[Eap, Means]:
        """How the party that is the peer of EAP takes part in it, and with what we do."""
        auth, mine = party.auth, self.own_party().auth
        assert isinstance(auth, Eap)
        name = str(party.identity) if auth.identity is None else auth.identity
        shown = mine.certificate if isinstance(mine, Eap) else mine
        leaf = None
        if isinstance(shown, PublicKey) and shown.chain and shown.key is not None:
            leaf = Leaf(shown.key, shown.chain[0], shown.chain)  # type: ignore[arg-type]
        other = self.peer_party().identity
        known = str(other) if other.id_type in (IdType.FQDN, IdType.RFC822_ADDR) else None
        now = datetime.fromtimestamp(self.now, UTC)
        of_server, of_user = (known, None) if self.initiator else (None, known)
        cards = {} if self.cards is None else self.cards
        trust = self.connection.trust
        means = Means(name.encode(), auth.secret, now, leaf, trust, of_server, of_user, auth.methods, cards)
        kept = {} if self.renewals is None else self.renewals
        return auth, replace(means, renewals=kept, renews=auth.renewals, indications=auth.indications)

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        """The key that the method has made, or in its place SK_pi or SK_pr (RFC 7296, section 2.16)."""
        if self.eap is None or self.eap.outcome is not Outcome.SUCCESS:
            return configured
        assert self.keys is not None
        own_key = self.keys.sk_pi if of_initiator else self.keys.sk_pr
        return Psk(own_key if self.eap.msk is None else self.eap.msk)

    def next_proof(self) -> None:
        """Another conversation follows."""
        super().next_proof()
        self.eap = self.as_peer = self.as_server = None

    # --- as initiator ---------------------------------------------------------------------------------------------

    as_peer: EapPeer | None = None

    def auth_notifies(self) -> list[Notify]:
        """EAP_ONLY_AUTHENTICATION of an initiator that needs no other proof (RFC 5998, section 3)."""
        if self.initiator and isinstance(self.peer_party().auth, Eap):
            self.eap_only = True
            return [*super().auth_notifies(), Notify(NotifyType.EAP_ONLY_AUTHENTICATION)]
        return super().auth_notifies()

    def own_proof(self) -> list[Payload]:
        """None before EAP has ended: that is how an initiator asks for it."""
        return [] if isinstance(self.own_credential(), Eap) else super().own_proof()

    def eap_peer(self) -> EapPeer:
        """Our side of the conversation, as initiator."""
        auth, means = self.means(self.own_party())
        methods = [peer_method(one, means) for one in auth.methods if self.peer_proved or self.is_safe(one)]
        return self.peer_class(means.name, methods, random=self.random)

    def is_safe(self, method: str) -> bool:
        """Whether a method authenticates both sides and makes a key (RFC 5998, section 4)."""
        return method.removesuffix("-pap").removesuffix("-chap").removesuffix("-mschapv2") in SAFE

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        """Answer what EAP asks; after its Success prove ourselves."""
        payload = message.first(EAP)
        if payload is None or not isinstance(self.own_credential(), Eap):
            return super().next_round(message)
        if self.as_peer is None:
            self.check_responder(message)
            self.eap = self.as_peer = self.eap_peer()
        answer = self.as_peer.receive(payload.packet)
        if answer is not None:
            return [eap_payload(answer)]
        if self.as_peer.outcome is Outcome.SUCCESS:
            return self.own_proof()
        raise Violation(f"EAP: {self.as_peer.why or self.as_peer.notes[-1]}")

    def check_responder(self, message: Message) -> None:
        """Who has not proved itself gets nothing from us (RFC 7296, section 2.16; RFC 5998, section 4)."""
        identity = message.first(IDr)
        if self.peer_proved or (message.first(AUTH) is None and self.eap_only):
            return
        if identity is None:
            raise Violation("EAP without IDr and AUTH")
        self.check_peer(identity, message)

    # --- as responder ---------------------------------------------------------------------------------------------

    as_server: EapServer | None = None

    def eap_server(self) -> EapServer:
        """Our side of the conversation, as responder."""
        auth, means = self.means(self.peer_party())
        methods = [server_method(one, means) for one in auth.methods]
        return self.server_class(methods, random=self.random, identity=None if auth.asked else means.name)

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        """Start EAP where AUTH is missing, and go on with it until it has ended."""
        if not isinstance(self.peer_credential(), Eap):
            return super().answer_round(message)
        if self.as_server is None:
            return self.first_round(message) if message.first(AUTH) is None else super().answer_round(message)
        payload = message.first(EAP)
        if payload is None:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no EAP payload before EAP has ended", fatal=True)
        return self.further_round(self.as_server, payload.packet)

    def first_round(self, message: Message) -> Sequence[Payload]:
        """Prove ourselves, unless the initiator does not insist on it, and ask (RFC 7296, section 2.16)."""
        self.eap_only = message.notify(NotifyType.EAP_ONLY_AUTHENTICATION) is not None
        if isinstance(self.own_party().auth, Eap) and not self.eap_only:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "we prove ourselves by EAP alone", fatal=True)
        try:
            proof = [*self.introduction(), *self.own_proof()] if message is self.opening else []
        except Violation as violation:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, str(violation), fatal=True) from None
        self.eap = self.as_server = self.eap_server()
        return [*proof, eap_payload(self.as_server.start())]

    def further_round(self, server: EapServer, packet: EapPacket) -> Sequence[Payload]:
        """Answer a packet of the peer. A Failure ends the IKE SA."""
        answer = server.receive(packet)
        if answer is None:
            why = f"EAP: {server.notes[-1]}"
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, why, fatal=True)
        if server.outcome is Outcome.FAILURE:
            self.close_after_response = f"EAP ended with a Failure: {server.why}"
        return [eap_payload(answer)]


def eap_payload(packet: bytes) -> Payload:
    """The payload with a packet, well-formed or not."""
    try:
        return EAP(EapPacket.decode(packet))
    except WireError:
        return UnknownPayload(PayloadType.EAP, packet)
