"""The order of payloads (RFC 7296, sections 1, 2.5 and 2.23)."""

from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    EAP,
    KE,
    SA,
    ExchangeType,
    IDi,
    IDr,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    TSi,
    TSr,
)
from suites.invariants.broken import Findings

_FIGURES: dict[tuple[ExchangeType, bool], tuple[type[Payload], ...]] = {
    (ExchangeType.IKE_SA_INIT, False): (SA, KE, Nonce),
    (ExchangeType.IKE_SA_INIT, True): (SA, KE, Nonce, CERTREQ),
    (ExchangeType.IKE_AUTH, False): (IDi, CERT, CERTREQ, IDr, AUTH, SA, TSi, TSr),
    (ExchangeType.IKE_AUTH, True): (IDr, CERT, AUTH, EAP, SA, TSi, TSr),
    (ExchangeType.CREATE_CHILD_SA, False): (SA, Nonce, KE, TSi, TSr),
    (ExchangeType.CREATE_CHILD_SA, True): (SA, Nonce, KE, TSi, TSr),
}
"""The payloads of the figures in sections 1.2, 1.3 and 2.16, by exchange and whether it is a response."""

_NAT = (NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP)


def order(message: Message, found: Findings) -> None:
    """The payloads of the figures are in their order, and those of NAT detection between Nonce and CERTREQ."""
    figure = _FIGURES.get((message.exchange, message.is_response), ())
    kinds = [type(one) for one in message.payloads]
    places = [figure.index(kind) for kind in kinds if kind in figure]
    if len(set(places)) > 1:
        expected = "the order " + ", ".join(kind.__name__ for kind in figure)
        got = ", ".join(kind.__name__ for kind in kinds if kind in figure)
        found.must("order", "RFC7296-2.5-16", places == sorted(places), expected, got)
    if message.exchange != ExchangeType.IKE_SA_INIT or Nonce not in kinds:
        return
    places = [at for at, one in enumerate(message.payloads) if isinstance(one, Notify) and one.type in _NAT]
    if places:
        before = kinds.index(CERTREQ) if CERTREQ in kinds else len(kinds)
        right = kinds.index(Nonce) < places[0] and places[-1] < before
        names = [one.type.name if isinstance(one, Notify) else type(one).__name__ for one in message.payloads]
        expected = "NAT detection behind the nonce and before CERTREQ"
        found.must("nat-place", "RFC7296-2.23-11", right, expected, ", ".join(names))
