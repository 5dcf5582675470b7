"""Defects of EAP in IKE_AUTH, the device as server (RFC 7296, section 2.16; RFC 3748)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.eap.conversation import Outcome
from conformance.eap.gtc import GtcServer
from conformance.eap.kind import Kind
from conformance.eap.md5 import Md5Server
from conformance.eap.method import ServerMethod
from conformance.eap.mschapv2 import SuccessResponse
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.server import EapServer
from conformance.ike.core.connection import Credential, Eap, Psk
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    AUTH,
    EAP,
    SKF,
    AuthMethod,
    EapCode,
    EapPacket,
    EapType,
    IDi,
    IDr,
    Message,
    Notify,
    NotifyType,
    Payload,
    WireError,
)
from peers.reference.defects.registry import defect


@defect("eap-order")
class ChildSaBeforeTheEnd(IkeSa):
    """Sends the Child SA together with its first question."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        return [*super().first_round(message), *self.first_child_response(message)]


KEYED = (
    "mschapv2", "tls", "ttls", "ttls-pap", "ttls-chap", "ttls-mschapv2", "peap", "sim", "aka", "aka-prime",
)  # fmt: skip


@defect(
    "eap-msk", "eap-initiator-msk", "eap-only-initiator",
    *(f"eap-{role}{one}" for role in ("", "initiator-") for one in KEYED),
)  # fmt: skip
class OwnKeyInsteadOfMsk(IkeSa):
    """Computes AUTH with SK_pi and SK_pr although the method has made a key."""

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_eap(configured, of_initiator)
        assert self.keys is not None
        return found if found is configured else Psk(self.keys.sk_pi if of_initiator else self.keys.sk_pr)


@defect("eap-md5", "eap-gtc", "eap-initiator-md5", "eap-initiator-gtc")
class EmptyKeyWithoutMsk(IkeSa):
    """Computes AUTH with an empty key where the method has made none."""

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_eap(configured, of_initiator)
        return Psk(b"") if found is not configured and self.eap is not None and self.eap.msk is None else found


@defect("eap-repeated-round")
class TakesRoundsAnew(IkeSa):
    """Processes a repeated request of EAP again in place of repeating its response."""

    def on_request(self, message: Message) -> None:
        if self.as_server is not None and message.message_id == self.expected_id - 1:
            self.expected_id -= 1
        super().on_request(message)


@defect("eap-repeated-rounds")
class TakesLastRoundAnew(IkeSa):
    """Processes the last request of EAP again in place of repeating its response."""

    def on_request(self, message: Message) -> None:
        if message.first(AUTH) is not None and message.message_id == self.expected_id - 1:
            self.expected_id -= 1
        super().on_request(message)


@defect("eap-identity-given")
class NamelessServer(IkeSa):
    """Does not know the EAP identity where it has not asked for it."""

    def eap_server(self) -> EapServer:
        found = super().eap_server()
        found.identity = None if found.identity is None else b""
        return found


@defect("eap-many-authorities", "eap-client-windows")
class MustBeCalledByName(IkeSa):
    """Refuses an initiator that asks for EAP and does not say to whom it wants to talk."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        if message.first(IDr) is None:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no IDr", fatal=True)
        return super().first_round(message)


@defect("eap-in-fragments")
class NoFragmentsOfEap(IkeSa):
    """Puts fragments together before EAP has begun, and not thereafter."""

    def collect(self, message: Message, payload: SKF, plaintext: bytes) -> tuple[int, bytes] | None:
        return None if self.as_server is not None else super().collect(message, payload, plaintext)


@defect("eap-only")
class SignsBesideEapOnly(IkeSa):
    """Sends an AUTH payload although the method alone is to prove who it is."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        found = super().first_round(message)
        return found if any(isinstance(one, AUTH) for one in found) else [*found, AUTH(AuthMethod.NULL, bytes(32))]


@defect("eap-only-ignored")
class RefusesEapOnly(IkeSa):
    """Refuses an initiator that says EAP_ONLY_AUTHENTICATION."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        if message.notify(NotifyType.EAP_ONLY_AUTHENTICATION) is not None:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "we have a certificate", fatal=True)
        return super().first_round(message)


# --- proofs -----------------------------------------------------------------------------------------------------------


@defect("eap-auth-at-once", "eap-auth-amid", "eap-auth-beside")
class TakesProofBeforeTheEnd(IkeSa):
    """Takes an AUTH payload made with SK_pi for the end of EAP, whenever it comes."""

    early: bool = False

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        self.early = self.as_server is not None and message.first(AUTH) is not None
        return None if self.early else super().answer_round(message)

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        assert self.keys is not None
        own = Psk(self.keys.sk_pi if of_initiator else self.keys.sk_pr)
        unended = self.eap is not None and self.eap.outcome is not Outcome.SUCCESS
        return own if self.early and unended else super().credential_of_eap(configured, of_initiator)


@defect("eap-auth-without-msk", "eap-server-auth-without-msk")
class TakesOwnKeyForMsk(IkeSa):
    """Takes AUTH payloads made with SK_pi or SK_pr, too, where the method has made a key."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        assert self.keys is not None
        own = self.keys.sk_pr if self.initiator else self.keys.sk_pi
        if self.eap is None or auth.data != self.shared_key_mic(own, octets):
            super().check_shared_key(expected, auth, octets)


@defect("eap-auth-other-msk", "eap-auth-wrong", "eap-server-auth-wrong")
class TakesAnyProofAfterEap(IkeSa):
    """Believes whoever EAP has authenticated, whatever the AUTH payload says."""

    def mic_is_valid(self, received: bytes, computed: bytes) -> bool:
        return self.eap is not None or super().mic_is_valid(received, computed)


@defect("eap-auth-none", "eap-auth-none-but-eap", "eap-server-auth-none")
class NeedsNoProofAfterEap(IkeSa):
    """Is content with the Success of EAP, without the AUTH payload after it."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if self.eap is None or message.first(AUTH) is not None:
            super().check_peer(identity, message)

    def proof_is_due(self) -> bool:
        return super().proof_is_due() and self.eap is None


@defect("eap-wrong-secret", "auth-twice-second-wrong")
class NeverFails(IkeSa):
    """Takes every password."""

    class Server(EapServer):
        def take(self, packet: EapPacket) -> bytes:
            if self.chosen is not None:
                self.succeed()
                return self.emit_result(EapCode.SUCCESS, self.result_identifier())
            return super().take(packet)

    server_class = Server

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_eap(configured, of_initiator)
        return replace(found, secret=b"") if isinstance(found, Psk) and found is not configured else found


@defect("eap-wrong-secret")
class FailsTwice(IkeSa):
    """Sends AUTHENTICATION_FAILED beside a Failure."""

    def further_round(self, server: EapServer, packet: EapPacket) -> Sequence[Payload]:
        found = super().further_round(server, packet)
        failed = server.outcome is Outcome.FAILURE
        return [*found, Notify(NotifyType.AUTHENTICATION_FAILED)] if failed else found


@defect("eap-refused-by-certificate")
class TakesAnyKeyInsteadOfEap(IkeSa):
    """Takes an AUTH payload in the first request for granted where EAP was agreed on."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        by_eap = isinstance(self.peer_party().auth, Eap)
        if not by_eap or self.initiator or self.as_server is not None or message.first(AUTH) is None:
            super().check_peer(identity, message)


@defect("eap-unconfigured")
class TakesWhoProvesNothing(IkeSa):
    """Takes an initiator without AUTH for one that needs none."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if self.initiator or message.first(AUTH) is not None:
            super().check_peer(identity, message)


# --- packets ----------------------------------------------------------------------------------------------------------


class Succeeding(EapServer):
    """A server that says Success where it should not."""

    def success(self) -> bytes:
        self.succeed()
        return self.emit_result(EapCode.SUCCESS, self.result_identifier())


@defect("eap-identifier")
class AnyIdentifier(IkeSa):
    """Takes a response with any Identifier."""

    class Server(Succeeding):
        def fits(self, packet: EapPacket) -> bool:
            return True

    server_class = Server


@defect("eap-result-identifier")
class CountsResults(IkeSa):
    """Gives its Success the next Identifier, as if it were a request."""

    class Server(EapServer):
        def result_identifier(self) -> int:
            return super().result_identifier() + 1 & 0xFF

    server_class = Server


@defect("eap-code")
class BelievesResultsOfPeer(IkeSa):
    """Believes a peer that says Success."""

    class Server(Succeeding):
        def take(self, packet: EapPacket) -> bytes:
            return self.success() if packet.code == EapCode.SUCCESS else super().take(packet)

    server_class = Server


@defect("eap-length", "eap-truncated")
class MalformedIsNoFailure(IkeSa):
    """Takes an EAP payload that it cannot read for the end of EAP."""

    def invalid_syntax(self, message: Message, error: WireError) -> None:
        if self.as_server is not None and self.as_server.outcome is Outcome.ONGOING:
            self.as_server.succeed()
            number = self.as_server.result_identifier()
            self.respond(message, [EAP(EapPacket(EapCode.SUCCESS, number))])
        else:
            super().invalid_syntax(message, error)


@defect("eap-type")
class OtherTypeIsTheEnd(IkeSa):
    """Takes a response of a type that it has not asked for as the end of the method."""

    class Server(Succeeding):
        def take(self, packet: EapPacket) -> bytes:
            other = packet.type is not None and self.asked is not None and Kind(0, packet.type) != self.asked
            return self.success() if other and packet.type != EapType.NAK else super().take(packet)

    server_class = Server


@defect("eap-nak-unknown", "eap-nak-many", "eap-identity-nak")
class NoMethodNoFailure(IkeSa):
    """Lets a peer in that has no method in common with it."""

    class Server(Succeeding):
        def take_nak(self, data: bytes, packet: EapPacket) -> bytes:
            return self.success()

    server_class = Server


@defect("eap-payload-missing")
class NothingMoreToSay(IkeSa):
    """Takes a request without EAP for the end of EAP."""

    def answer_round(self, message: Message) -> Sequence[Payload] | None:
        ongoing = self.as_server is not None and self.as_server.outcome is Outcome.ONGOING
        if ongoing and message.first(EAP) is None:
            assert self.as_server is not None
            self.as_server.succeed()
            return [EAP(EapPacket(EapCode.SUCCESS, self.as_server.identifier))]
        return super().answer_round(message)


@defect("eap-in-established")
class EapEndsEstablished(IkeSa):
    """Ends an IKE SA that is up because of an EAP payload."""

    def informed(self, message: Message) -> list[Payload]:
        if message.first(EAP) is not None:
            self.close_after_response = "EAP has failed"
        return super().informed(message)


@defect("eap-identity-odd")
class TakesAnyName(IkeSa):
    """Takes everybody for the user that it knows."""

    class Server(EapServer):
        def take_identity(self, data: bytes) -> bytes:
            users = getattr(self.choose(), "users", {})
            return super().take_identity(next(iter(users), data))

    server_class = Server


@defect("eap-sweep-md5", "eap-sweep-md5-whole")
class AnyHash(IkeSa):
    """Does not look at the hash of MD5, only whether it can be read."""

    class Server(Succeeding):
        def conclude(self, method: ServerMethod) -> bytes:
            return self.success() if isinstance(method, Md5Server) else super().conclude(method)

    server_class = Server


@defect("eap-sweep-gtc", "eap-sweep-gtc-whole")
class ComparesWhatItGot(IkeSa):
    """Compares a password only as far as the peer has sent it."""

    class Server(Succeeding):
        def take(self, packet: EapPacket) -> bytes:
            found = self.chosen
            if isinstance(found, GtcServer) and found.users[found.identity].encode().startswith(packet.data):
                self.answering = packet.identifier
                return self.success()
            return super().take(packet)

    server_class = Server


@defect("eap-sweep-mschapv2", "eap-sweep-mschapv2-whole", "eap-mschapv2-no-approval")
class AnyLastWord(IkeSa):
    """Takes whatever answers the Success request of MSCHAPv2 for approval."""

    class Server(Succeeding):
        def take(self, packet: EapPacket) -> bytes:
            found = self.chosen
            last = isinstance(found, Mschapv2Server) and found.asks == (SuccessResponse,)
            self.answering = packet.identifier
            return self.success() if last else super().take(packet)

    server_class = Server


@defect("eap-mschapv2-no-response")
class ApprovalForResponse(IkeSa):
    """Takes a peer's approval for success although nothing was proved yet."""

    class Server(Succeeding):
        def take(self, packet: EapPacket) -> bytes:
            self.answering = packet.identifier
            approved = isinstance(self.chosen, Mschapv2Server) and packet.data == SuccessResponse().encode()
            return self.success() if approved else super().take(packet)

    server_class = Server
