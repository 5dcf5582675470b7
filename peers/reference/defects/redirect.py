"""Defects of redirects, the device as client (RFC 5685)."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from conformance.ike.core.connection import Party
from conformance.ike.core.events import Violation
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.wire import IDi, IDr, Message, Notify, NotifyType, Payload, ProtocolID
from conformance.wire.gateway import Gateway
from peers.reference.defects.registry import defect

REDIRECTS = (NotifyType.REDIRECT_SUPPORTED, NotifyType.REDIRECTED_FROM)


@defect("redirect-announced", "redirect-init", "redirect-init-ipv6", "redirect-auth-ipv6")
class AnnouncesNoRedirects(IkeSa):
    """Follows redirects without saying so."""

    def init_notifies(self) -> list[Notify]:
        return [one for one in super().init_notifies() if one.type not in REDIRECTS]


@defect("redirect-announced", "redirect-init")
class RedirectNotifiesOfIke(IkeSa):
    """Writes into its notifies about redirects that they are about the IKE SA."""

    def init_notifies(self) -> list[Notify]:
        found = super().init_notifies()
        return [Notify(one.type, one.data, ProtocolID.IKE) if one.type in REDIRECTS else one for one in found]


@defect("redirect-init", "redirect-init-again", "redirect-auth", "redirect-later")
class NamesNoOldGateway(IkeSa):
    """Announces again at the new gateway that it follows, and not who has sent it."""

    def init_notifies(self) -> list[Notify]:
        self.redirected_from = None
        return super().init_notifies()


@defect("redirect-init-again")
class NamesFirstGateway(Endpoint):
    """Names the first gateway wherever it is sent to."""

    def follow(self, sa: IkeSa, gateway: Gateway) -> None:
        first = sa.redirected_from
        super().follow(sa, gateway)
        for one in self.sas.values():
            if first is not None and one is not sa and one.redirected_from == sa.remote.host:
                one.redirected_from = first
                self.outbox.clear()
                one.pending = None
                one.start_init()
                self.outbox += one.outbox
                one.outbox.clear()


@defect(
    "redirect-init", "redirect-init-again", "redirect-other-gateway", "redirect-auth", "redirect-eap-last",
    "redirect-eap-first", "redirect-later", "redirect-later-rekeyed", "redirect-amid-rekey", "redirect-silent",
    "redirect-member-gone", "redirect-back",
)  # fmt: skip
class GoesNowhere(Endpoint):
    """Takes leave where it is sent away, and goes nowhere."""

    def follow(self, sa: IkeSa, gateway: Gateway) -> None:
        pass


@defect("redirect-init-nonce")
class BelievesAnyNonce(IkeSa):
    """Lets itself be sent away by whoever answers."""

    def check_redirect_nonce(self, nonce: bytes) -> None:
        pass


@defect("redirect-init-nonce")
class GivesUpAtWrongNonce(IkeSa):
    """Does not wait for another answer after one with a wrong nonce."""

    def check_redirect_nonce(self, nonce: bytes) -> None:
        try:
            super().check_redirect_nonce(nonce)
        except Violation as violation:
            self.close(str(violation))
            raise


@defect("redirect-init-malformed", "redirect-later-malformed")
class ReadsGatewayOfAnyType(IkeSa):
    """Takes the octets of a gateway identity for an IPv4 address whatever their type is."""

    def gateway_of(self, notify: Notify) -> tuple[Gateway, bytes]:
        size = notify.data[1] if len(notify.data) > 1 else 0
        return Gateway.of(".".join(map(str, notify.data[2:6].ljust(4, b"\0")))), notify.data[2 + size :]


@defect("redirect-loop", "redirect-to-itself", "redirect-loop-auth")
class FollowsForEver(Endpoint):
    """Follows as often as it is sent."""

    def follow(self, sa: IkeSa, gateway: Gateway) -> None:
        self.redirects.clear()
        super().follow(sa, gateway)


@defect("redirect-loop-over")
class CountsForEver(Endpoint):
    """Never forgets a redirect."""

    def follow(self, sa: IkeSa, gateway: Gateway) -> None:
        self.redirects = [self.now] * len(self.redirects)
        super().follow(sa, gateway)


@defect("redirect-init-ipv6", "redirect-later-ipv6", "redirect-auth-ipv6")
class ReadsFourOctets(IkeSa):
    """Takes the first four octets of an IPv6 gateway for its address."""

    def gateway_of(self, notify: Notify) -> tuple[Gateway, bytes]:
        gateway, nonce = super().gateway_of(notify)
        if notify.data[1] == 16:
            gateway = Gateway.of(".".join(map(str, notify.data[2:6])))
        return gateway, nonce


@defect("redirect-other-gateway")
class TrustsAnybodyThere(IkeSa):
    """Takes whoever has the secret at the gateway to which it has been sent."""

    def check_peer(self, identity: object, message: Message) -> None:
        if self.redirected_from is None:
            super().check_peer(identity, message)  # type: ignore[arg-type]


@defect("redirect-auth", "redirect-eap-last")
class KeepsOldGateway(IkeSa):
    """Does not delete the IKE SA in which it was sent away."""

    def start_delete(self) -> None:
        if self.leaving is None:
            super().start_delete()


@defect("redirect-later", "redirect-later-rekeyed")
class KeepsOldSession(KeepsOldGateway):
    """The same in the middle of a session."""


@defect("redirect-auth-wrong-proof", "redirect-auth-no-proof", "redirect-auth-alone")
class FollowsBeforeProof(IkeSa):
    """Goes where an IKE_AUTH response says before it has looked at the proof."""

    def on_auth_response(self, message: Message) -> None:
        notify = self.redirect_in(message)
        if notify is None:
            super().on_auth_response(message)
        else:
            self.leave(self.gateway_of(notify)[0])
            self.close("redirected")


@defect("redirect-auth-stranger")
class FollowsWhoeverHasTheSecret(IkeSa):
    """Goes where anybody sends it who has the secret, whatever his name."""

    leads: bool = False

    def identity_matches(self, expected: Party, identity: IDi | IDr) -> bool:
        return self.leads or super().identity_matches(expected, identity)

    def on_auth_response(self, message: Message) -> None:
        self.leads = self.redirect_in(message) is not None
        super().on_auth_response(message)


@defect("redirect-eap-between")
class FollowsAmidEap(IkeSa):
    """Heeds a REDIRECT in any IKE_AUTH response."""

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        notify = self.redirect_in(message)
        if notify is not None and message.first(IDr) is None:
            self.leave(self.gateway_of(notify)[0])
        return super().next_round(message)


@defect("redirect-later")
class RefusesRedirect(IkeSa):
    """Answers a redirect by an error."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        return [*found, Notify(NotifyType.INVALID_SYNTAX)] if self.leaving is not None else found


@defect("redirect-later-rekeyed", "redirect-responder", "redirect-responder-rekeyed")
class LooksAtRoleOnly(IkeSa):
    """Lets itself be sent away on an IKE SA that it has opened or not, but not once its role has changed."""

    def redirect_in(self, message: Message) -> Notify | None:
        follows = self.connection.follows_redirects
        changed = self.initiator != self.client
        return message.notify(NotifyType.REDIRECT) if follows and (not self.client or not changed) else None


@defect("redirect-later-in-clear")
class FollowsInClear(IkeSa):
    """Goes where an INFORMATIONAL message says that nobody protects."""

    numbers = count()

    def unprotected(self, message: Message) -> None:
        notify = self.redirect_in(message)
        if notify is None:
            super().unprotected(message)
        else:
            self.leave(self.gateway_of(notify)[0])


@defect("redirect-init-name", "redirect-auth-name", "redirect-later-name")
class KnowsNoNames(Endpoint):
    """Does not ask where a gateway is that has a name."""

    def resolve(self, gateway: Gateway) -> str | None:
        return gateway.host


@defect("redirect-member-gone", "redirect-silent")
class RemembersTheOtherGateway(Endpoint):
    """Goes for ever to the gateway to which it was sent once."""

    def follow(self, sa: IkeSa, gateway: Gateway) -> None:
        super().follow(sa, gateway)
        self.connection = replace(self.connection, remote_address=self.resolve(gateway))


@defect("redirect-unwilling", "redirect-unwilling-later")
class FollowsUnasked(IkeSa):
    """Goes where it is sent, though it was not to say that it does."""

    def redirect_in(self, message: Message) -> Notify | None:
        return message.notify(NotifyType.REDIRECT) if self.client else None


@defect("redirect-unwilling-auth", "redirect-unwilling-later")
class FallsOverRedirects(IkeSa):
    """Ends the IKE SA on which it is sent away and does not want to go."""

    def deliver(self, message: Message) -> None:
        if message.notify(NotifyType.REDIRECT) is not None and not self.connection.follows_redirects:
            self.close("an unwanted REDIRECT")
        else:
            super().deliver(message)


@defect("redirect-amid-rekey")
class FallsOverRedirectsWhileWaiting(IkeSa):
    """Answers no redirect while it waits for a response, and ends the IKE SA."""

    def informed(self, message: Message) -> list[Payload]:
        if self.pending is not None and self.redirect_in(message) is not None:
            self.close("a REDIRECT at a bad time")
            return []
        return super().informed(message)


@defect("redirect-amid-delete")
class StuckWhenSentAwayInLeaving(Endpoint):
    """Does nothing any more once it was sent away from an IKE SA that it was about to delete."""

    stuck = False

    def follow(self, sa: IkeSa, gateway: Gateway) -> None:
        self.stuck = sa.is_closing()
        if not self.stuck:
            super().follow(sa, gateway)

    def started(self, sa: IkeSa) -> None:
        if not self.stuck:
            super().started(sa)
