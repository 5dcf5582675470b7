"""Messages in one line, in the notation of the charts in the RFCs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.wire.meaning import identity_text
from conformance.wire.message import Message
from conformance.wire.payloads import (
    CP,
    EAP,
    KE,
    SA,
    SK,
    SKF,
    TS,
    Delete,
    Identification,
    Nonce,
    Notify,
    Payload,
    Proposal,
    Transform,
)
from conformance.wire.registry import (
    CfgType,
    EapCode,
    EapType,
    Encr,
    Esn,
    ExchangeType,
    Integ,
    KeMethod,
    NotifyType,
    OpenEnum,
    Prf,
    ProtocolID,
    TransformType,
)

_ENCR_WORDS = {Encr.TRIPLE_DES: "3des", Encr.CHACHA20_POLY1305: "chacha20poly1305", Encr.NULL_AUTH_AES_GMAC: "gmac"}
_KE_WORDS = {KeMethod.CURVE25519: "x25519", KeMethod.CURVE448: "x448", KeMethod.NONE: "no-ke"}
_TOLD = 40
"""Payloads of a message that one line names; there may be thousands."""
_ESN_WORDS = {Esn.NO: "no-esn", Esn.YES: "esn"}


def summary(payload: Payload) -> str:
    """The payload in a few words, such as ``N(COOKIE)`` or ``SA(ESP aes128gcm16 no-esn)``."""
    for cls, detail in _DETAILS.items():
        if isinstance(payload, cls):
            return f"{payload.payload_type.notation}({detail(payload)})"
    return payload.payload_type.notation


def summary_message(message: Message) -> str:
    """One line: exchange, direction, message ID, payloads as in a chart, ``IKE_SA_INIT request 0: SA, KE, Ni``."""
    kind = "response" if message.is_response else "request"
    told = [chart_notation(payload, response=message.is_response) for payload in message.payloads[:_TOLD]]
    more = len(message.payloads) - _TOLD
    inside = ", ".join(told) + (f" and {more} more" if more > 0 else "")
    return f"{ExchangeType(message.exchange)} {kind} {message.message_id}: {inside or 'empty'}"


def chart_notation(payload: Payload, *, response: bool) -> str:
    """The payload as a chart writes it; a nonce is Ni in a request and Nr in a response."""
    if isinstance(payload, Nonce):
        return "Nr" if response else "Ni"
    if isinstance(payload, Notify | SKF | CP | EAP):
        return summary(payload)
    return payload.payload_type.notation


def transform_word(transform: Transform) -> str:
    """The transform as a keyword: ``aes128gcm16``, ``prfsha256``, ``modp2048``, ``no-esn``."""
    try:
        kind = TransformType(transform.type)
        word = _WORDS.get(kind, _other_word)(transform)
    except ValueError:
        return f"{transform.type}:{transform.id}"
    return f"ke{kind - TransformType.ESN}_{word}" if TransformType.ADDKE1 <= kind <= TransformType.ADDKE7 else word


def _encr_word(transform: Transform) -> str:
    number = Encr(transform.id)
    bits = "" if transform.key_length is None else str(transform.key_length)
    if number in _ENCR_WORDS:
        return _ENCR_WORDS[number] + bits
    family, *mode = number.name.lower().removesuffix("_cbc").split("_")
    return family + bits + "".join(mode) if number.known else f"encr{number}"


def _prf_word(transform: Transform) -> str:
    return "prf" + _hash_word(Prf(transform.id))


def _integ_word(transform: Transform) -> str:
    number = Integ(transform.id)
    return "no-integ" if number == Integ.NONE else _hash_word(number)


def _hash_word(number: OpenEnum) -> str:
    """``HMAC_SHA2_256_128`` and ``HMAC_SHA2_256`` are both ``sha256``, for SHA-1 and MD5 the full length is named."""
    words = number.name.lower().removeprefix("hmac_").replace("sha2_", "sha").split("_")
    if words[0] in ("sha256", "sha384", "sha512") or words[1:] == ["96"]:
        words = words[:1]
    return "".join(words).replace("xcbc96", "xcbc").replace("cmac96", "cmac")


def _ke_word(transform: Transform) -> str:
    number = KeMethod(transform.id)
    return _KE_WORDS.get(number) or number.name.lower().replace("_", "") if number.known else f"ke{number}"


def _esn_word(transform: Transform) -> str:
    number = Esn(transform.id)
    return _ESN_WORDS.get(number, f"sn{int(number)}")


def _other_word(transform: Transform) -> str:
    return f"{TransformType(transform.type)}:{transform.id}"


_WORDS: dict[TransformType, Callable[[Transform], str]] = {
    TransformType.ENCR: _encr_word,
    TransformType.PRF: _prf_word,
    TransformType.INTEG: _integ_word,
    TransformType.ESN: _esn_word,
    **{TransformType(number): _ke_word for number in (4, 6, 7, 8, 9, 10, 11, 12)},
}


def _proposal_words(proposal: Proposal) -> str:
    """Protocol and transforms; alternatives of one type stand together with a slash."""
    by_type: dict[int, list[str]] = {}
    for transform in proposal.transforms:
        by_type.setdefault(transform.type, []).append(transform_word(transform))
    return " ".join([str(ProtocolID(proposal.protocol)), *["/".join(words) for words in by_type.values()]])


def _delete_words(payload: Delete) -> str:
    return " ".join([str(ProtocolID(payload.protocol)), *[spi.hex() for spi in payload.spis[:4]]])


def _eap_words(payload: EAP) -> str:
    packet = payload.packet
    words = str(EapCode(packet.code))
    return words if packet.type is None else f"{words}/{EapType(packet.type)}"


_DETAILS: dict[type[Payload], Callable[[Any], str]] = {
    SA: lambda payload: " | ".join([_proposal_words(proposal) for proposal in payload.proposals]),
    KE: lambda payload: str(KeMethod(payload.method)),
    Identification: lambda payload: identity_text(payload.id_type, payload.data),
    Notify: lambda payload: str(NotifyType(payload.type)),
    Delete: _delete_words,
    TS: lambda payload: ", ".join([str(selector) for selector in payload.selectors]),
    CP: lambda payload: str(CfgType(payload.cfg_type)),
    EAP: _eap_words,
    SKF: lambda payload: f"{payload.number}/{payload.total}",
    SK: lambda payload: f"{len(payload.body)} bytes",
}
