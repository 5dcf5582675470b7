"""Defects within the methods of EAP, in both roles: what they believe, and in which order."""

from collections.abc import Iterable, Sequence

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_prime import AkaPrimePeer, AkaPrimeServer
from conformance.eap.aka_server import AkaServer
from conformance.eap.avp import AnyAvp, Avps
from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.method import Decision, Method
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.sim_peer import SimPeer
from conformance.eap.sim_server import SimServer
from conformance.eap.simaka import (
    AkaChallenge,
    AuthenticationReject,
    ClientError,
    Message,
    Notice,
    Protected,
    SimChallenge,
    Unable,
)
from conformance.eap.simaka_attributes import FORMS, At, Counted
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.simaka_rules import Rule
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import Usim
from conformance.eap.ttls_peer import Mschapv2InsidePeer
from conformance.eap.ttls_server import TtlsServer
from conformance.eap.tunnel import TunnelMethod
from conformance.ike.ikesa import IkeSa
from conformance.wire import EapPacket
from peers.reference.defects.registry import defect


class WithOtherMethods(IkeSa):
    """Spoils the methods of EAP, those within tunnels included."""

    def spoil(self, method: Method) -> None:
        """One of them."""

    def spoil_all(self, conversation: Conversation) -> None:
        """All of a conversation."""
        assert isinstance(conversation, EapPeer | EapServer)
        for one in conversation.methods:
            self.spoil(one)
            if isinstance(one, TunnelMethod):
                one.at_inner = self.spoil_all

    def eap_peer(self) -> EapPeer:
        found = super().eap_peer()
        self.spoil_all(found)
        return found

    def eap_server(self) -> EapServer:
        found = super().eap_server()
        self.spoil_all(found)
        return found


def of(*ways: str, ends: Sequence[str] = ("", "-whole"), start: str = "eap-sweep-") -> tuple[str, ...]:
    """Ids of purposes that are made for several methods."""
    return tuple(f"{start}{way}{end}" for way in ways for end in ends)


CARDS = ("sim", "aka", "aka-prime")


@defect(*of(*CARDS), *of(*CARDS, start="eap-sweep-initiator-"))
class BelievesAnyMac(WithOtherMethods):
    """Does not verify AT_MAC."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Protected):
            method.is_right_mac = lambda packet, message, extra=b"": True  # type: ignore[method-assign]
            method.demand_mac = lambda packet, message, extra=b"": None  # type: ignore[method-assign]


@defect(*of("ttls-pap"))
class ComparesWhatCameThroughTunnel(WithOtherMethods):
    """Compares a password in the tunnel only as far as the peer has sent it."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):

            def answer(value: bytes, avps: Avps, password: str) -> Sequence[AnyAvp]:
                method.end(password.encode().startswith(value.rstrip(b"\0")))
                return ()

            method.answer_pap = answer  # type: ignore[method-assign]


@defect(*of("ttls-chap", "ttls-mschapv2"))
class TakesChallengesOfPeers(WithOtherMethods):
    """Does not mind which challenge the peer has sent along."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):
            method.check_challenge = lambda told, identifier: None  # type: ignore[method-assign]


@defect(*of("ttls", "peap"))
class AnyLastWordInside(WithOtherMethods):
    """Takes whatever answers the Success request of MSCHAPv2 in the tunnel for approval."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Mschapv2Server):
            take = method.receive

            def receive(data: bytes, packet: object) -> Body | None:
                if method.msk is not None:
                    method.end(True)
                    return None
                return take(data, packet)  # type: ignore[arg-type]

            method.receive = receive  # type: ignore[method-assign]


@defect(*of("ttls", "ttls-mschapv2", "peap", start="eap-sweep-initiator-"))
class NeedsNoProofInside(WithOtherMethods):
    """Approves of a server in the tunnel whose authenticator response is wrong."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Mschapv2Peer):
            method.accepts = lambda message: True  # type: ignore[method-assign]
        if isinstance(method, Mschapv2InsidePeer):
            method.is_proof = lambda proof: True  # type: ignore[method-assign]


# --- SIM, AKA and AKA' ------------------------------------------------------------------------------------------------

USIMS = ("aka", "aka-prime")


def each(ways: Sequence[str], *ends: str, initiator: bool = True) -> tuple[str, ...]:
    """Ids of what is tried on each of several methods, as a rule in both roles."""
    starts = ("eap-", "eap-initiator-") if initiator else ("eap-",)
    return tuple(f"{start}{way}-{end}" for start in starts for way in ways for end in ends)


@defect(*each(CARDS, "mac"))
class NeedsNoMac(BelievesAnyMac):
    """Does not verify AT_MAC, nor miss it."""


@defect(*each(USIMS, "res", initiator=False))
class ComparesPartOfRes(WithOtherMethods):
    """Compares AT_RES only as far as the peer has sent it."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaServer):
            method.is_right_res = lambda res, due: due.startswith(res)  # type: ignore[method-assign]


class Strict(Rule):
    """Refuses whatever it does not know."""

    def check(self, attributes: Iterable[Body], *, inner: bool = False) -> None:
        attributes = tuple(attributes)
        for one in attributes:
            if getattr(one, "type", 0) not in FORMS:
                raise Unable("an attribute that nobody knows")
        super().check(attributes, inner=inner)


class Lenient(Rule):
    """Skips whatever it does not know."""

    def check(self, attributes: Iterable[Body], *, inner: bool = False) -> None:
        super().check([one for one in attributes if getattr(one, "type", 0) in FORMS], inner=inner)


class WithOtherRules(WithOtherMethods):
    """Has other rules about attributes."""

    rule: type[Rule] = Rule

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer | SimAkaServer):
            rules = {key: self.rule(one.outer, one.inner, one.several) for key, one in method.rules.items()}
            method.rules = rules  # type: ignore[misc]


@defect(*each(CARDS, "skipped"))
class RefusesUnknownCardAttributes(WithOtherRules):
    """Takes every attribute of SIM and AKA that it does not know for an error."""

    rule = Strict


@defect(*each(CARDS, "demanded"))
class SkipsUnknownCardAttributes(WithOtherRules):
    """Skips every attribute of SIM and AKA that it does not know."""

    rule = Lenient


@defect(*each(USIMS, "checkcode"))
class IgnoresCheckcode(WithOtherMethods):
    """Sends AT_CHECKCODE, and does not look at that of the other side."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Protected):
            method.demand_checkcode = lambda message: None  # type: ignore[method-assign]


@defect(*each(CARDS, "gives-up", initiator=False))
class NotifiesWhoGivesUp(WithOtherMethods):
    """Answers Client-Error with a notification."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaServer):
            take = method.take

            def notifying(message: Message, packet: EapPacket) -> Body | None:
                if isinstance(message, ClientError):
                    raise Unable("the peer gives up")
                return take(message, packet)

            method.take = notifying  # type: ignore[method-assign]


@defect(*each(USIMS, "resynchronisation", initiator=False))
class NeverResynchronises(WithOtherMethods):
    """Gives up where a card has seen higher sequence numbers."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaServer):
            method.resynchronisations = 0  # type: ignore[misc]


@defect(*each(USIMS, "resynchronisation-forged", initiator=False))
class BelievesAnyAuts(WithOtherMethods):
    """Goes on from any sequence number, whoever has signed it."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaServer):
            method.register.resynchronise = lambda imsi, rand, auts: True  # type: ignore[method-assign]


@defect("eap-aka-prime-kdf")
class GrantsAnyFunction(WithOtherMethods):
    """Sends its challenge again to whoever wants another function, whichever it is."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPrimeServer):
            take = method.take_challenge

            def granting(message: AkaChallenge, packet: EapPacket) -> Body | None:
                return method.challenge() if message.find(At.RES) is None else take(message, packet)

            method.take_challenge = granting  # type: ignore[method-assign]


@defect("eap-sim-version")
class TakesAnyVersion(WithOtherMethods):
    """Takes whichever version of EAP-SIM a peer selects."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimServer):
            method.has_offered = lambda version: True  # type: ignore[method-assign]


@defect("eap-initiator-sim-rands")
class AnyChallengesWillDo(WithOtherMethods):
    """Answers one challenge of GSM as well as three, and the same one several times."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimPeer):
            method.check_challenges = lambda rands: None  # type: ignore[method-assign]


@defect("eap-initiator-sim-version")
class SpeaksAllVersions(WithOtherMethods):
    """Goes on with version 1 whatever the server speaks."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimPeer):
            method.speaks_one_of = lambda offered: True  # type: ignore[method-assign]


@defect(
    *(f"eap-initiator-{way}-{end}" for way in USIMS for end in ("autn", "autn-first")),
    *(f"eap-initiator-aka-prime-{end}" for end in ("kdf-none", "network", "separation")),
)
class ClientErrorForReject(WithOtherMethods):
    """Says Client-Error where it should reject the network."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPeer):

            def reject(why: str) -> AuthenticationReject:
                raise Unable(why)

            method.reject = reject  # type: ignore[method-assign]


class Careless(Usim):
    """A card that does not look at sequence numbers."""

    def is_fresh(self, sqn: int) -> bool:
        return True


@defect(*(f"eap-initiator-{way}-sequence" for way in USIMS))
class AnySequenceNumber(WithOtherMethods):
    """Has a card that does not look at sequence numbers."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPeer):
            method.usim = Careless(method.usim.imsi, method.usim.k, method.usim.opc)


@defect(
    *(f"eap-initiator-{way}-{end}" for way in CARDS for end in ("identity-order", "identity-twice", "identity-four"))
)
class TellsIdentityAlways(WithOtherMethods):
    """Tells its identity as often as it is asked, in any order."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer):

            def telling(message: Message) -> tuple[Body, ...]:
                method.use(method.permanent_identity)
                return (Counted(At.IDENTITY, value=method.identity),)

            method.identity_for = telling  # type: ignore[method-assign]


@defect(*(f"eap-initiator-{way}-failure-notified" for way in CARDS))
class ClientErrorForNotice(WithOtherMethods):
    """Says Client-Error to whatever it is notified of."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer):

            def refuse(message: Message, packet: EapPacket) -> Notice:
                raise Unable("a notification")

            method.answer_notice = refuse  # type: ignore[method-assign]


@defect(
    *(f"eap-initiator-{way}-success-notified" for way in CARDS),
    *of(*CARDS, ends=("",), start="eap-states-initiator-"),
)
class BelievesNoticeOfSuccess(WithOtherMethods):
    """Believes a notification of success at any time."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer):

            def believe(message: Message, packet: EapPacket) -> Notice:
                method.done, method.decision = True, Decision.SUCCESS
                return Notice()

            method.answer_notice = believe  # type: ignore[method-assign]


@defect(*of(*CARDS, ends=("",), start="eap-states-"))
class AnyMessageIsTheAnswer(WithOtherMethods):
    """Takes every message of another subtype for the answer to its challenge."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimServer | AkaServer):
            take = method.take

            def taking(message: Message, packet: EapPacket) -> Body | None:
                if method.keys is None or isinstance(message, AkaChallenge | SimChallenge):
                    return take(message, packet)
                method.end(True)
                return None

            method.take = taking  # type: ignore[method-assign]


@defect("eap-initiator-aka-prime-kdf")
class SpeaksFirstFunctionOnly(WithOtherMethods):
    """Rejects a network that does not name its function first."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPrimePeer):
            refusal = method.refusal

            def refusing(message: Message) -> Body | None:
                first = message.find(At.KDF)
                return method.reject("another function") if first and first.number != 1 else refusal(message)

            method.refusal = refusing  # type: ignore[method-assign]


@defect("eap-initiator-aka-prime-kdf-changed")
class ForgetsFunctions(WithOtherMethods):
    """Does not remember which functions it was offered before it asked for one."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPrimePeer):
            refusal = method.refusal

            def refusing(message: Message) -> Body | None:
                method.settled = []
                return refusal(message)

            method.refusal = refusing  # type: ignore[method-assign]
