"""How a device does EAP: what its server says before and around a method, how it carries TLS, how it says no."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from conformance.eap.aka_server import AkaServer
from conformance.eap.conversation import Outcome
from conformance.eap.errors import Discard
from conformance.eap.making import Means, server_method
from conformance.eap.method import Method
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.tls import EapTlsPeer
from conformance.eap.tls_frames import START, Fragments, Frame
from conformance.eap.tls_method import TlsMethod
from conformance.ike.core.connection import Eap
from conformance.ike.core.events import Refusal, Violation
from conformance.ike.extensions.eap_auth import eap_payload
from conformance.ike.ikesa import IkeSa
from conformance.tls import TlsVersion
from conformance.tls.resuming import Memory, ResumingEngine
from conformance.wire import EapCode, EapPacket, Message, Payload
from peers.reference.nas.sa import Relay
from peers.reference.variants.registry import variant

EAP = ("eap", "eap_tls", "aaa")
"""The subjects to which this makes a difference."""


class Serving(IkeSa):
    """Another server of EAP; a device that passes EAP on leaves that to somebody else."""

    def eap_server(self) -> EapServer:
        found = super().eap_server()
        if not isinstance(found, Relay):
            self.served(found)
        return found

    def served(self, server: EapServer) -> None:
        """Change the server before it begins."""


class Making(IkeSa):
    """Other methods of EAP, in both roles."""

    def eap_server(self) -> EapServer:
        found = super().eap_server()
        for one in found.methods:
            self.made(one)
        return found

    def eap_peer(self) -> EapPeer:
        found = super().eap_peer()
        for one in found.methods:
            self.made(one)
        return found

    def made(self, method: Method) -> None:
        """Change a method before it begins."""


# --- before the method ------------------------------------------------------------------------------------------------


@variant(
    "RFC 7296, 3.16: IKE has told who the initiator is, so a responder should not ask for that in EAP",
    about=EAP,
)
class KnowsName(Serving):
    """Asks nobody for his name in EAP."""

    def served(self, server: EapServer) -> None:
        if server.identity is None:
            server.identity = self.means(self.peer_party())[1].name


@variant(
    "RFC 3748, 5.1: a request for the identity may have a text to show, and behind a zero octet options",
    about=EAP,
)
class Prompts(Serving):
    """Asks for the name in words, and says for which network."""

    def served(self, server: EapServer) -> None:
        server.prompt = b"Who are you?\0networkid=ikespec,nasid=device"


@variant(
    "RFC 3748, 5.2: an authenticator may send a notification when there is no other request under way",
    about=EAP,
)
class Notifies(Serving):
    """Has two messages for its user before the method."""

    def served(self, server: EapServer) -> None:
        server.notices += [b"This network is for tests.", "Grüße".encode()]


@variant(
    "RFC 3748, 4.1: the Identifier of a new request must be another one, whichever",
    about=EAP,
)
class OddFirstIdentifier(Serving):
    """Chooses the Identifier of each request at random."""

    def served(self, server: EapServer) -> None:
        def other() -> int:
            found = self.random(1)[0]
            return found if found != server.identifier else (found + 1) & 0xFF

        server.next_identifier = other  # type: ignore[method-assign]


@variant(
    "RFC 3748, 2.1 and 5.3: a server that does not know which method its peer has may have to ask for several",
    about=EAP,
)
class AsksForAnotherFirst(Serving):
    """Begins with a method that its peer does not have, and goes on to the right one after the Nak."""

    def served(self, server: EapServer) -> None:
        auth, means = self.means(self.peer_party())
        if not isinstance(self.own_party().auth, Eap):  # by EAP alone only certain methods will do
            server.methods.insert(0, server_method("md5" if "gtc" in auth.methods else "gtc", means))


@variant(
    "RFC 7296, 2.16: ten IKE_AUTH exchanges are what an initiator needs to be capable of",
    about=EAP,
)
class TenExchanges(IkeSa):
    """Gives up an IKE_AUTH of more than ten exchanges, unless its method runs TLS."""

    exchanges: int = 1

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        further = super().next_round(message)
        self.exchanges += further is not None
        if self.exchanges > 10 and not (self.as_peer is not None and isinstance(self.as_peer.method, TlsMethod)):
            raise Violation("this goes on for too long")
        return further


# --- the end ----------------------------------------------------------------------------------------------------------


@variant(
    "RFC 7296, 2.16: a responder may end the exchange by a Failure at any time",
    about=EAP,
)
class FailsAtOnce(IkeSa):
    """Answers by a Failure what makes no sense in EAP."""

    def further_round(self, server: EapServer, packet: EapPacket) -> Sequence[Payload]:
        try:
            return super().further_round(server, packet)
        except Refusal as refusal:
            if isinstance(server, Relay) or server.outcome is not Outcome.ONGOING:
                raise
            self.close_after_response = str(refusal)
            return [eap_payload(EapPacket(EapCode.FAILURE, packet.identifier).encode())]


@variant(
    "RFC 3748, 4.1 and 4.3: what does not fit is no response, so the request is repeated, not for ever",
    about=EAP,
)
class RepeatsEapRequests(IkeSa):
    """Repeats its request up to three times where what comes makes no sense in EAP."""

    repetitions: int = 3

    def further_round(self, server: EapServer, packet: EapPacket) -> Sequence[Payload]:
        try:
            return super().further_round(server, packet)
        except Refusal:
            if isinstance(server, Relay) or server.outcome is not Outcome.ONGOING or not self.repetitions:
                raise
            self.repetitions -= 1
            assert server.last is not None
            return [eap_payload(server.last)]


# --- methods ----------------------------------------------------------------------------------------------------------


@variant(
    "RFC 2759, 6 and draft-kamath-pppext-eap-mschapv2, 2.4: R=1 allows another attempt in the same conversation",
    about=EAP,
)
class AllowsRetries(Making):
    """Allows three more attempts after a wrong password, and says something in words."""

    def made(self, method: Method) -> None:
        if isinstance(method, Mschapv2Server):
            method.retries, method.text = 3, b"Grade A"


@variant(
    "RFC 4187, 4.1.4: a server may choose not to ignore the name in EAP's Identity, and then need not ask again",
    advice={"RFC4187-4.1.4-1": "goes by the name in EAP's Identity"},
    about=EAP,
)
class AkaWithoutIdentity(Making):
    """Is content with the name in EAP's Identity, and does not ask for it within EAP-AKA."""

    def made(self, method: Method) -> None:
        if isinstance(method, AkaServer):
            method.ask = False


@variant(
    "RFC 4187, 6.2 and RFC 4186, 6.2: protected result indications are an option of both sides",
    about=EAP,
)
class IndicatesResults(IkeSa):
    """Wants results of EAP-SIM and EAP-AKA to be protected."""

    def means(self, party: Any) -> tuple[Eap, Means]:
        auth, found = super().means(party)
        return auth, replace(found, indications=True)


@variant(
    "RFC 5216, 2.1.5: how much TLS is in a packet is up to the sender",
    about=EAP,
)
class TinyTlsFragments(Making):
    """Puts no more than 100 octets of TLS into a packet."""

    def made(self, method: Method) -> None:
        if isinstance(method, TlsMethod):
            method.fragments.size = 100


class Lengthy(Fragments):
    """Says of each message how long it is, be it in one piece or in several; not with TLS 1.3 (RFC 9190, 2.1.9)."""

    method: TlsMethod

    def load(self, message: bytes) -> Frame:
        self.whole = len(message)
        return super().load(message)

    def tells_length(self, first: bool) -> bool:
        told = self.method.engine is not None and self.method.engine.version == TlsVersion.TLS_1_2
        return super().tells_length(first) or (first and told and bool(self.whole))


@variant(
    "RFC 5216, 3.1: the L bit must be set in the first of several fragments, and may be where there is one",
    about=EAP,
)
class TellsLengths(Making):
    """Says of each message of TLS 1.2 how long it is."""

    def made(self, method: Method) -> None:
        if isinstance(method, TlsMethod):
            old = method.fragments
            method.fragments = lengthy = Lengthy(old.size, old.limits, old.version)
            lengthy.method = method


@variant(
    "RFC 5216, 2.4 and RFC 9190, 5: TLS 1.2 may be the latest version of a device",
    about=EAP,
)
class Tls12(Making):
    """Has no TLS after 1.2."""

    def made(self, method: Method) -> None:
        if isinstance(method, TlsMethod):
            method.config = replace(method.config, versions=(TlsVersion.TLS_1_2,))


@variant(
    "RFC 9190, 2.1: nothing demands that a device still has TLS 1.2",
    about=EAP,
)
class Tls13(Making):
    """Has no TLS before 1.3."""

    def made(self, method: Method) -> None:
        if isinstance(method, TlsMethod):
            method.config = replace(method.config, versions=(TlsVersion.TLS_1_3,))


@variant(
    "RFC 5216, 2.1.2 and RFC 9190, 2.1.2: a peer may offer to resume the session that it had before",
    about=EAP,
)
class ResumesTls(Making):
    """Offers its last session of TLS to the server."""

    memories: ClassVar[dict[tuple[object, ...], Memory]] = {}
    """By what a session is good for."""

    def made(self, method: Method) -> None:
        if not isinstance(method, EapTlsPeer):
            return
        config = method.config
        key = config.leaf and config.leaf.certificate, config.trust, config.versions
        memory = self.memories.setdefault(key, Memory())

        def begin(frame: Frame) -> Frame:
            if not frame.flags & START:
                raise Discard("TLS without Start")
            method.engine = ResumingEngine(config, memory)
            return method.fragments.load(method.engine.step())

        method.begin_tls = begin  # type: ignore[method-assign]
