"""Defects of cookies (RFC 7296, section 2.6)."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import (
    Header,
    IDi,
    IDr,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Payload,
    decode_message,
    encode_message,
)
from peers.reference.defects.registry import defect

# --- as initiator -----------------------------------------------------------------------------------------------------


@defect("init-cookie-echo", "init-cookie-again")
class CookieNotFirst(IkeSa):
    """Puts the cookie behind the other payloads."""

    def init_request(self) -> Sequence[Payload]:
        payloads = super().init_request()
        return [*payloads[1:], payloads[0]] if self.cookie is not None else payloads


@defect("init-cookie-unchanged", "init-cookie-echo")
class NewNonceAfterCookie(IkeSa):
    """Draws a new nonce for each request."""

    def request_init(self, group: KeMethod) -> None:
        self.nonce_i = b""
        super().request_init(group)


@defect("init-cookie-puzzle")
class StopsAtPuzzles(IkeSa):
    """Ignores a cookie that comes with a puzzle."""

    def on_init_response(self, message: Message) -> None:
        if message.notify(NotifyType.PUZZLE) is None:
            super().on_init_response(message)


@defect("init-cookie-length-1")
class CookieLengthLimit(IkeSa):
    """Ignores cookies of less than eight octets."""

    def on_init_response(self, message: Message) -> None:
        cookie = message.notify(NotifyType.COOKIE)
        if cookie is None or len(cookie.data) >= 8:
            super().on_init_response(message)


@defect("init-cookie-length-64")
class CookieTruncated(IkeSa):
    """Returns 32 octets of a cookie at most."""

    def init_request(self) -> Sequence[Payload]:
        self.cookie = self.cookie[:32] if self.cookie else None
        return super().init_request()


@defect("init-cookie-again")
class OneCookieOnly(IkeSa):
    """Gives up at the second cookie."""

    def on_init_response(self, message: Message) -> None:
        if self.cookie is not None and message.notify(NotifyType.COOKIE) is not None:
            self.failed("another cookie")
        else:
            super().on_init_response(message)


@defect("init-cookie-and-ke")
class DropsCookieOnKeRetry(IkeSa):
    """Forgets the cookie when it changes the group."""

    def other_group(self, data: bytes) -> KeMethod:
        self.cookie = None
        return super().other_group(data)


@defect("init-cookie-signed", "init-cookie-signed-responder")
class SignsFirstRequest(IkeSa):
    """Has the initiator sign its request without the cookie, as it was at first."""

    def signed_octets(self, identity: IDi | IDr) -> bytes:
        octets = super().signed_octets(identity)
        if not isinstance(identity, IDi):
            return octets
        request = decode_message(self.init_request_raw)
        kept = tuple(one for one in request.payloads if not isinstance(one, Notify) or one.type != NotifyType.COOKIE)
        return encode_message(replace(request, payloads=kept)) + octets[len(self.init_request_raw) :]


# --- as responder -----------------------------------------------------------------------------------------------------


@defect("init-cookie-required")
class CookieNeverAsked(Endpoint):
    """Never asks for a cookie, whatever the number of half-open IKE SAs."""

    def cookie_missing(self, message: Message, datagram: Datagram) -> bool:
        return False


@defect("init-cookie-wrong")
class AcceptsAnyCookie(Endpoint):
    """Wants a cookie but does not compare it."""

    def cookie_missing(self, message: Message, datagram: Datagram) -> bool:
        return super().cookie_missing(message, datagram) and message.notify(NotifyType.COOKIE) is None


@defect("init-half-open-flood")
class FullHouse(Endpoint):
    """Drops every request while there are too many half-open IKE SAs."""

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        if self.half_open() < self.connection.half_open_limit:
            super().init_requested(header, raw, datagram)
