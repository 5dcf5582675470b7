"""Defects of redirects, the device as gateway (RFC 5685)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from conformance.ike.core.connection import Redirection
from conformance.ike.core.events import Refusal
from conformance.ike.core.sending import Pending, State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import (
    AUTH,
    ExchangeType,
    Header,
    Message,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    WireError,
)
from conformance.wire.gateway import Gateway
from peers.reference.defects.registry import defect

INIT = (
    *("redirects-init", "redirects-init-ipv6", "redirects-init-name", "redirects-init-from", "redirects-init-again"),
    *("redirects-init-cookie", "redirects-init-many"),
)


@defect(*INIT, "redirects-init-nonces", "redirects-init-members")
class RedirectWithoutNonce(IkeSa):
    """Sends initiators away without their nonce."""

    def redirect_data(self, gateway: str, nonce: bytes = b"") -> bytes:
        return super().redirect_data(gateway)


@defect("redirects-init-nonces")
class RedirectWithShortNonce(IkeSa):
    """Sends no more than 32 octets of a nonce back."""

    def redirect_data(self, gateway: str, nonce: bytes = b"") -> bytes:
        return super().redirect_data(gateway, nonce[:32])


@defect("redirects-auth", "redirects-later", "redirects-later-from", "redirects-later-rekeyed", "redirects-eap",
        "redirects-later-own-rekey")  # fmt: skip
class NonceInEveryRedirect(IkeSa):
    """Has the initiator's nonce in every REDIRECT."""

    def redirect_data(self, gateway: str, nonce: bytes = b"") -> bytes:
        return super().redirect_data(gateway, nonce or self.nonce_i)


@defect("redirects-init-name")
class NameWithTerminator(IkeSa):
    """Ends the name of a gateway with a zero octet."""

    def redirect_data(self, gateway: str, nonce: bytes = b"") -> bytes:
        found = Gateway.of(gateway)
        return (
            super().redirect_data(gateway, nonce)
            if found.host
            else replace(found, identity=found.identity + b"\0").encode(nonce)
        )


@defect("redirects-init-ipv6")
class AddressAsName(IkeSa):
    """Writes an IPv6 address as a name."""

    def redirect_data(self, gateway: str, nonce: bytes = b"") -> bytes:
        data = super().redirect_data(gateway, nonce)
        return bytes((3, len(gateway))) + gateway.encode() + nonce if ":" in gateway else data


@defect("redirects-init", "redirects-later", "redirects-auth")
class RedirectOfIke(IkeSa):
    """Writes into a REDIRECT that it is about the IKE SA."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        super().respond(request, [_about_ike(one) for one in payloads])

    def admit(self, message: Message) -> None:
        try:
            super().admit(message)
        except Refusal as refusal:
            refusal.protocol = ProtocolID.IKE
            raise

    def start_redirect(self, gateway: str) -> None:
        notify = Notify(NotifyType.REDIRECT, self.redirect_data(gateway), ProtocolID.IKE)
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [notify], self.ignore)


def _about_ike(one: Payload) -> Payload:
    return replace(one, protocol=ProtocolID.IKE) if isinstance(one, Notify) and one.type == NotifyType.REDIRECT else one


@defect(*INIT)
class RedirectBesideKeys(IkeSa):
    """Answers IKE_SA_INIT and says beside it that the initiator shall go elsewhere."""

    def admit(self, message: Message) -> None:
        pass

    def init_response(self, chosen: object, public: bytes) -> Sequence[Payload]:
        found = list(super().init_response(chosen, public))  # type: ignore[arg-type]
        elsewhere = self.connection.redirect
        if elsewhere is None:
            return found
        return [*found, Notify(NotifyType.REDIRECT, self.redirect_data(elsewhere.gateway, self.nonce_i))]


@defect("redirects-init-unasked", "redirects-auth-unasked", "redirects-later-unasked")
class RedirectsAnybody(IkeSa):
    """Sends initiators away that have not said that they follow."""

    def allows_redirects(self, message: Message) -> bool:
        return not self.initiator


@defect("redirects-init-from", "redirects-later-from")
class RedirectsOnce(IkeSa):
    """Does not send initiators away that come from another gateway."""

    def allows_redirects(self, message: Message) -> bool:
        return super().allows_redirects(message) and message.notify(NotifyType.REDIRECTED_FROM) is None


@defect("redirects-auth", "redirects-eap")
class RedirectBesideChild(IkeSa):
    """Makes the Child SA of an initiator that it sends away."""

    def sends_away(self) -> bool:
        return False

    def auth_notifies(self) -> list[Notify]:
        found, elsewhere = super().auth_notifies(), self.connection.redirect
        if not self.redirectable or elsewhere is None:
            return found
        return [*found, Notify(NotifyType.REDIRECT, self.redirect_data(elsewhere.gateway))]


@defect("redirects-auth-wrong-proof")
class RedirectsBeforeProof(IkeSa):
    """Tells whoever it does not believe where to go."""

    def process(self, message: Message) -> Sequence[Payload] | None:
        elsewhere, found = self.connection.redirect, super().process(message)
        refused = found and any(isinstance(one, Notify) and one.type < NotifyType.INITIAL_CONTACT for one in found)
        if not refused or elsewhere is None or self.state is not State.HALF_OPEN:
            return found
        assert found is not None
        return [*found, Notify(NotifyType.REDIRECT, self.redirect_data(elsewhere.gateway))]


@defect("redirects-eap")
class RedirectsAmidEap(IkeSa):
    """Says in the second IKE_AUTH response that the initiator shall go elsewhere."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        elsewhere = self.connection.redirect
        amid = request.exchange == ExchangeType.IKE_AUTH and request.message_id == 2
        if elsewhere is not None and amid and not any(isinstance(one, AUTH) for one in payloads):
            payloads = [*payloads, Notify(NotifyType.REDIRECT, self.redirect_data(elsewhere.gateway))]
        super().respond(request, payloads)


@defect("redirects-later", "redirects-later-from", "redirects-later-rekeyed", "redirects-later-own-rekey")
class RedirectsOnceOnly(IkeSa):
    """Does not repeat a request that redirects."""

    def retransmit(self, pending: Pending) -> None:
        if pending.message.notify(NotifyType.REDIRECT) is None:
            super().retransmit(pending)


@defect("redirects-later-rekeyed", "redirects-later-own-rekey")
class ForgetsWhoFollows(IkeSa):
    """Does not know after a rekey that its peer follows."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.redirectable = False


@defect("redirects-init-again")
class RedirectLeavesHalfOpen(RedirectBesideKeys):
    """Keeps an IKE SA of an initiator that it has sent away."""


@defect("redirects-init-members")
class NamesItselfAmongMembers(IkeSa):
    """Sends initiators to itself, as if it were one of those behind it."""

    def choose(self, elsewhere: Redirection, nonce: bytes) -> str:
        return self.connection.local_address or elsewhere.gateway


@defect("redirects-from-odd")
class CrashesAtOddOrigin(Endpoint):
    """Crashes at a REDIRECTED_FROM that is cut short, and is there again at once, without any of its SAs."""

    def accept_init(self, message: Message, header: Header, raw: bytes, datagram: Datagram) -> None:
        notify = message.notify(NotifyType.REDIRECTED_FROM)
        try:
            if notify is not None:
                Gateway.decode(notify.data)
        except WireError:
            self.sas.clear()
            self.requests.clear()
            return
        super().accept_init(message, header, raw, datagram)


@defect("redirects-eap")
class RedirectsByNameAlone(IkeSa):
    """Sends whoever wants to use EAP away by the name that he gives, and does not prove who it is itself."""

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        first = request.exchange == ExchangeType.IKE_AUTH and request.message_id == 1
        elsewhere = self.connection.redirect
        if first and elsewhere is not None and request.first(AUTH) is None:
            away = Notify(NotifyType.REDIRECT, self.redirect_data(self.choose(elsewhere, self.nonce_i)))
            payloads = [*(one for one in payloads if not isinstance(one, AUTH)), away]
        super().respond(request, payloads)
