"""Going to another gateway, and sending an initiator there (RFC 5685)."""

from collections.abc import Sequence
from typing import Self

from conformance.ike.core.connection import Redirection, RedirectWhen
from conformance.ike.core.events import Redirected, Refusal, Violation
from conformance.ike.core.sending import State
from conformance.ike.core.spine import UP, Spine
from conformance.wire import ExchangeType, Message, Nonce, Notify, NotifyType, Payload, WireError
from conformance.wire.gateway import Gateway


class Redirect(Spine):
    """REDIRECT in IKE_SA_INIT, in IKE_AUTH and later, in both roles.

    Only the client can be sent away (section 10). ``redirected_from`` is who has sent us here, ``redirectable`` whether
    the client allows that, ``leaving`` where we go to.
    """

    redirected_from: str | None = None
    redirectable: bool = False
    leaving: Gateway | None = None

    # --- as client ------------------------------------------------------------------------------------------------

    def init_notifies(self) -> list[Notify]:
        """That we follow; after a redirect it says so to name who has sent us (RFC 5685, section 3)."""
        found = super().init_notifies()
        if not self.initiator or not self.connection.follows_redirects:
            return found
        if self.redirected_from is None:
            return [*found, Notify(NotifyType.REDIRECT_SUPPORTED)]
        return [*found, Notify(NotifyType.REDIRECTED_FROM, Gateway.of(self.redirected_from).encode())]

    def led_elsewhere(self, message: Message) -> bool:
        """Whether the IKE_SA_INIT response sends us away. Raises Violation for one that is to be passed over."""
        notify = self.redirect_in(message)
        if notify is None:
            return super().led_elsewhere(message)
        gateway, nonce = self.gateway_of(notify)
        self.check_redirect_nonce(nonce)
        self.leave(gateway)
        self.close(f"redirected to {gateway}")
        return True

    def redirect_in(self, message: Message) -> Notify | None:
        """The REDIRECT of a message, if we follow such ones."""
        return message.notify(NotifyType.REDIRECT) if self.client and self.connection.follows_redirects else None

    def gateway_of(self, notify: Notify) -> tuple[Gateway, bytes]:
        """Where a REDIRECT leads, and its nonce. Raises Violation where it leads nowhere."""
        try:
            return Gateway.decode(notify.data)
        except WireError as error:
            raise Violation(f"REDIRECT: {error}") from None

    def check_redirect_nonce(self, nonce: bytes) -> None:
        """Whoever has not seen our request does not know our nonce. Raises Violation (RFC 5685, section 3)."""
        if nonce != self.nonce_i:
            raise Violation("REDIRECT with a nonce that is not ours")

    def auth_announced(self, message: Message) -> None:
        """The last response of IKE_AUTH may send us away, now that it is proved who says so (section 6)."""
        super().auth_announced(message)
        notify = self.redirect_in(message)
        if notify is not None:
            self.leave(self.gateway_of(notify)[0])
            self.start_delete()

    def child_failed(self, error: Notify | None) -> None:
        """Who sends us away makes no Child SA."""
        if self.leaving is None:
            super().child_failed(error)

    def informed(self, message: Message) -> list[Payload]:
        """The gateway may send us away at any time (section 5)."""
        found = super().informed(message)
        notify = self.redirect_in(message)
        if notify is not None and self.state in UP:
            try:
                self.leave(self.gateway_of(notify)[0])
            except Violation as violation:
                self.drop(str(violation))
        return found

    def respond(self, request: Message, payloads: Sequence[Payload]) -> None:
        """Once a redirect in the middle of a session is acknowledged, we go (section 5)."""
        super().respond(request, payloads)
        if self.leaving is not None and self.state in UP and not self.is_closing():
            self.start_delete()

    def leave(self, gateway: Gateway) -> None:
        """Tell our owner where to go."""
        self.leaving = gateway
        self.events.append(Redirected(self, gateway))

    # --- as gateway -----------------------------------------------------------------------------------------------

    def init_announced(self, message: Message) -> None:
        """REDIRECT_SUPPORTED, or REDIRECTED_FROM in its place, of an initiator (RFC 5685, section 3)."""
        super().init_announced(message)
        self.redirectable = self.allows_redirects(message)

    def allows_redirects(self, message: Message) -> bool:
        """Whether an IKE_SA_INIT request says that its sender follows."""
        kinds = (NotifyType.REDIRECT_SUPPORTED, NotifyType.REDIRECTED_FROM)
        return not self.initiator and any(message.notify(one) is not None for one in kinds)

    def admit(self, message: Message) -> None:
        """Send an initiator away in IKE_SA_INIT, with its nonce (RFC 5685, section 3)."""
        super().admit(message)
        elsewhere, nonce = self.connection.redirect, message.first(Nonce)
        if elsewhere is None or elsewhere.when is not RedirectWhen.INIT or nonce is None:
            return
        if self.allows_redirects(message):
            gateway = self.choose(elsewhere, nonce.data)
            raise Refusal(NotifyType.REDIRECT, f"served by {gateway}", self.redirect_data(gateway, nonce.data))

    def choose(self, elsewhere: Redirection, nonce: bytes) -> str:
        """One of the gateways; its nonce spreads initiators over them without any state."""
        return elsewhere.gateways[nonce[-1] % len(elsewhere.gateways)]

    def redirect_data(self, gateway: str, nonce: bytes = b"") -> bytes:
        """The data of a REDIRECT."""
        return Gateway.of(gateway).encode(nonce)

    def sends_away(self) -> bool:
        """Whether the IKE_AUTH response sends the initiator away."""
        elsewhere = self.connection.redirect
        wanted = elsewhere is not None and elsewhere.when is RedirectWhen.AUTH
        return wanted and not self.initiator and self.redirectable

    def auth_notifies(self) -> list[Notify]:
        """REDIRECT in the response that proves who we are, to an initiator that has proved who it is (section 6)."""
        found = super().auth_notifies()
        if not self.sends_away():
            return found
        assert self.connection.redirect is not None
        gateway = self.choose(self.connection.redirect, self.nonce_i)
        return [*found, Notify(NotifyType.REDIRECT, self.redirect_data(gateway))]

    def first_child_response(self, message: Message) -> list[Payload]:
        """Who is sent away gets no Child SA (section 6)."""
        return [] if self.sends_away() else super().first_child_response(message)

    def start_redirect(self, gateway: str) -> None:
        """Send the peer of an IKE SA that is up to another gateway, if it follows (section 5)."""
        if not self.client and self.redirectable and self.state == State.ESTABLISHED:
            notify = Notify(NotifyType.REDIRECT, self.redirect_data(gateway))
            self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [notify], self.ignore)

    def pass_on(self, new: Self) -> None:
        """Who follows does so after a rekey, too."""
        super().pass_on(new)
        new.redirectable, new.redirected_from = self.redirectable, self.redirected_from
