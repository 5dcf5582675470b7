"""Defects in how long a half-open IKE SA lives, and in what comes after it (RFC 7296, 2.21.4; RFC 8019, 4.6)."""

from conformance.crypto import IntegrityError
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import ExchangeType, Header, Notify, NotifyType
from peers.reference.defects.registry import defect

_PATIENCE = 20
"""Forged messages."""


@defect("auth-bad-icv-many")
class LosesPatience(IkeSa):
    """Gives an IKE SA up after twenty messages that are not authentic."""

    forged = 0

    def not_authentic(self, raw: bytes, error: IntegrityError) -> None:
        super().not_authentic(raw, error)
        self.forged += 1
        if self.forged >= _PATIENCE:
            self.close("too many messages that are not authentic")


@defect("auth-late")
class RefusesLatecomers(Endpoint):
    """Says in clear that the authentication has failed, of which it knows nothing any more."""

    def unknown_spi(self, header: Header, datagram: Datagram) -> None:
        if header.exchange == ExchangeType.IKE_AUTH:
            self.refuse(header, datagram, Notify(NotifyType.AUTHENTICATION_FAILED))
        else:
            super().unknown_spi(header, datagram)
