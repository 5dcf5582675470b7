"""Defects of SIM, AKA and AKA' in what they say when all is well, and in how they say that it is not."""

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_prime import AkaPrimePeer
from conformance.eap.aka_server import AkaServer
from conformance.eap.errors import Failed
from conformance.eap.layout import Body
from conformance.eap.method import Decision, Method
from conformance.eap.simaka import ClientError, Message, Notice, Told, Unable
from conformance.eap.simaka_attributes import At, AtAuts, AtMac, Counted
from conformance.eap.simaka_keys import Keys, prime_ck_ik, prime_keys
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import UmtsAnswer
from conformance.wire import EapPacket
from peers.reference.defects.eap_methods import CARDS, WithOtherMethods
from peers.reference.defects.registry import defect

USIMS = ("aka", "aka-prime")


def on(end: str, *ways: str, start: str = "eap-") -> tuple[str, ...]:
    """The ids of a purpose for several methods."""
    return tuple(f"{start}{way}-{end}" for way in ways)


@defect(*on("requests", *CARDS))
class NotifiesSuccessUnasked(WithOtherMethods):
    """Notifies success to everybody."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaServer):
            method.accept = lambda message: method.notify(Told.SUCCESS)  # type: ignore[method-assign]


@defect(*on("identity-asked", *USIMS))
class ContentWithName(WithOtherMethods):
    """Relies on the name that was said before the method."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaServer):
            method.ask = False


@defect(*on("name-unknown", *CARDS))
class AsksNobodyTwice(WithOtherMethods):
    """Knows its subscribers by their permanent identities only, and does not ask for these."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaServer):

            def question() -> Body:
                raise Failed("an unknown name")

            method.ask = False
            method.question = question  # type: ignore[method-assign]


@defect(*on("nobody", *USIMS), *on("error-notified", *CARDS))
class FailsWithoutNotice(WithOtherMethods):
    """Sends EAP-Failure at once where it should notify of the failure first."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaServer):

            def refuse(why: str) -> Body:
                raise Failed(why)

            method.refuse = refuse  # type: ignore[method-assign]


@defect(*on("success-insisted", *USIMS))
class TakesSuccessBack(WithOtherMethods):
    """Fails a peer that answers a notification of success by something else."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaServer):
            receive = method.receive

            def receiving(data: bytes, packet: EapPacket) -> Body | None:
                if method.told is not None and data[:1] != bytes((Notice().subtype,)):
                    raise Failed("no acknowledgement")
                return receive(data, packet)

            method.receive = receiving  # type: ignore[method-assign]


@defect(*on("responses", *CARDS, start="eap-initiator-"))
class DecoratesIdentity(WithOtherMethods):
    """Puts an operator in front of its identity within the method."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer):
            tell = method.identity_for

            def telling(message: Message) -> tuple[Body, ...]:
                named = tell(message)
                return (Counted(At.IDENTITY, value=b"operator!" + method.identity),) if named else ()

            method.identity_for = telling  # type: ignore[method-assign]


@defect(*on("client-error", *USIMS, start="eap-initiator-"))
class ClientErrorWithMac(WithOtherMethods):
    """Adds a MAC to its Client-Error."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPeer):
            give_up = method.give_up

            def giving(error: Unable) -> ClientError:
                return ClientError(attributes=(*give_up(error).attributes, AtMac()))

            method.give_up = giving  # type: ignore[method-assign,assignment]


@defect("eap-initiator-aka-prime-resynchronised")
class LeavesFunctionsOut(WithOtherMethods):
    """Does not repeat AT_KDF where its card wants other sequence numbers."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPrimePeer):
            method.synchronisation = lambda auts, message: (AtAuts(auts=auts),)  # type: ignore[method-assign]


@defect(*on("success-unannounced", *USIMS, start="eap-initiator-"))
class NeedsNoNotice(WithOtherMethods):
    """Wants protected results, and believes others."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer):
            accept = method.accept

            def accepting(keys: Keys, message: Message, clear: Message) -> tuple[Body, ...]:
                found = accept(keys, message, clear)
                method.decision = Decision.MAYBE
                return found

            method.accept = accepting  # type: ignore[method-assign]


@defect(*on("failure-then-success", *USIMS, start="eap-initiator-"))
class ForgetsNoticeOfFailure(WithOtherMethods):
    """Believes a Success after it was notified of a failure."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer):

            def forgetting(told: Told, message: Message) -> Notice:
                method.decision = Decision.MAYBE
                return Notice()

            method.answer_early_notice = forgetting  # type: ignore[method-assign]


@defect("eap-initiator-aka-prime-other-network")
class KeysOfItsOwnNetwork(WithOtherMethods):
    """Takes any network, and makes the keys for the name WLAN."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, AkaPrimePeer):

            def derive(answer: UmtsAnswer, autn: bytes, message: Message) -> Keys:
                return prime_keys(method.identity, *prime_ck_ik(answer.ck, answer.ik, b"WLAN", autn[:6]))

            method.derive = derive  # type: ignore[method-assign]
