"""Defects of IKE_SA_INIT."""

from collections.abc import Sequence

from conformance.ike.ikesa import IkeSa
from conformance.wire import Payload
from peers.reference.defects.registry import defect


@defect("init-cookie-echo")
class CookieNotFirst(IkeSa):
    """Puts the cookie behind the other payloads."""

    def init_request(self) -> Sequence[Payload]:
        payloads = super().init_request()
        return [*payloads[1:], payloads[0]] if self.cookie is not None else payloads
