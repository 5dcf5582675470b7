"""Defects of cookies on other paths, and of those that somebody else was given (RFC 7296, section 2.6)."""

from dataclasses import replace
from typing import Any

from conformance.ike.core.sending import NO_SPI
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import NON_ESP_MARKER, Address, Datagram
from conformance.wire import Header, Message, Notify, NotifyType, Payload, WireError
from peers.reference.defects.registry import defect

_LIFE = 10.0
"""Seconds of a secret."""


@defect("init-cookie-other-address")
class CookieForAnyAddress(Endpoint):
    """Makes its cookies without a look at the address."""

    def cookie(self, message: Message, datagram: Datagram) -> bytes:
        return super().cookie(message, replace(datagram, source=Address("0.0.0.0", 0)))


@defect("init-cookie-other-spi")
class CookieForAnySpi(Endpoint):
    """Makes its cookies without a look at the SPI."""

    def cookie(self, message: Message, datagram: Datagram) -> bytes:
        return super().cookie(replace(message, spi_i=NO_SPI), datagram)


@defect("init-cookie-old")
class HasNoTimeForOldCookies(Endpoint):
    """Drops a request whose cookie is of an older secret."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.issued: dict[bytes, float] = {}

    def cookie(self, message: Message, datagram: Datagram) -> bytes:
        found = super().cookie(message, datagram)
        self.issued.setdefault(found, self.now)
        return found

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        try:
            found = self.decode(raw).notify(NotifyType.COOKIE)
        except WireError:
            found = None
        if found is None or self.now < self.issued.get(found.data, self.now) + _LIFE:
            super().init_requested(header, raw, datagram)


@defect("init-cookie-ipv6")
class CookiesForIpv4(Endpoint):
    """Recognises no cookie that it has sent to an address of IPv6."""

    def cookie_missing(self, message: Message, datagram: Datagram) -> bool:
        wanted = super().cookie_missing(message, datagram)
        return wanted or (":" in datagram.source.host and message.notify(NotifyType.COOKIE) is not None)


@defect("init-cookie-port-4500")
class AsksWithoutMarker(Endpoint):
    """Asks for a cookie on port 4500 without the four zero octets."""

    def refuse(self, header: Header, datagram: Datagram, *payloads: Payload) -> None:
        super().refuse(header, datagram, *payloads)
        if isinstance(payloads[0], Notify) and payloads[0].type == NotifyType.COOKIE:
            last = self.outbox.pop()
            self.outbox.append(replace(last, payload=last.payload.removeprefix(NON_ESP_MARKER)))


@defect("init-cookie-fragments")
class ReadsNoFurtherThanCookies(IkeSa):
    """Does not see that a request with a cookie announces fragmentation."""

    def init_announced(self, message: Message) -> None:
        super().init_announced(message)
        self.fragmenting = self.fragmenting and message.notify(NotifyType.COOKIE) is None
