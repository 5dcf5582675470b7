"""Values of the wire from their definitions, such as a strict decoder takes.

The fields of every class are found by reflection, so that one that comes later is made as well, of numbers, octets and
substructures. For some there is a rule that knows more: which sizes, which numbers go together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from conformance.fuzz.forms import Form, forms
from conformance.fuzz.making.bodies import packet
from conformance.fuzz.making.names import certificate_data, identity
from conformance.fuzz.making.notifies import DATA, data
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    KE,
    SA,
    TRANSFORM_IDS,
    Attribute,
    AttributeType,
    AuthMethod,
    CertEncoding,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Delete,
    EapPacket,
    Encr,
    Esn,
    IDg,
    IDi,
    IDr,
    IdType,
    Integ,
    KeMethod,
    Nonce,
    Notify,
    NotifyType,
    OpenEnum,
    PayloadType,
    Prf,
    Proposal,
    ProtocolID,
    TrafficSelector,
    Transform,
    TransformType,
    TsType,
    UnknownPayload,
    UnknownSelector,
)

SIZES = (0, 1, 4, 8, 16, 20, 32, 64, 255, 256)
_ODD = {
    KeMethod.CURVE25519: 32,
    KeMethod.CURVE448: 56,
    KeMethod.ECP_521: 132,
    KeMethod.GOST3410_2012_256: 64,
    KeMethod.GOST3410_2012_512: 128,
    KeMethod.ML_KEM_512: 800,
    KeMethod.ML_KEM_768: 1184,
    KeMethod.ML_KEM_1024: 1568,
}
_COMMON: dict[TransformType, tuple[OpenEnum, ...]] = {
    TransformType.ENCR: (Encr.AES_GCM_16, Encr.AES_CBC, Encr.CHACHA20_POLY1305, Encr.TRIPLE_DES),
    TransformType.PRF: (Prf.HMAC_SHA2_256, Prf.HMAC_SHA1, Prf.HMAC_SHA2_512),
    TransformType.INTEG: (Integ.HMAC_SHA2_256_128, Integ.HMAC_SHA1_96, Integ.NONE),
    TransformType.KE: (KeMethod.CURVE25519, KeMethod.ECP_256, KeMethod.MODP_2048),
    TransformType.ESN: (Esn.NO, Esn.YES),
}
_KEYED = (Encr.AES_CBC, Encr.AES_CTR, Encr.AES_GCM_16, Encr.AES_GCM_12, Encr.AES_GCM_8, Encr.CAMELLIA_CBC)
_FORMED = tuple(DATA)


@cache
def public_size(method: KeMethod) -> int:
    """Octets of the public value of a key exchange method: of the prime, or of both coordinates (RFC 5903)."""
    if method in _ODD:
        return _ODD[method]
    bits = re.search(r"\d{3,}", str(method))
    if bits is None:
        return 0
    return int(bits[0]) // (8 if str(method).startswith("MODP") else 4)


def member(random: Random, registry: type[OpenEnum], bits: int = 8) -> OpenEnum:
    """A number of a registry, mostly one that is assigned."""
    return registry(random.randrange(1 << bits)) if random.random() < 0.05 else random.choice(_members(registry))


@cache
def _members(registry: type[OpenEnum]) -> tuple[OpenEnum, ...]:
    return tuple(registry)


def blob(random: Random) -> bytes:
    """Octets of any size that is usual."""
    return random.randbytes(random.choice(SIZES))


def value(random: Random, cls: type[Any]) -> Any:
    """A value of a class of the wire that a strict decoder gives back as it is."""
    rule = RULES.get(cls)
    return generic(random, cls) if rule is None else rule(random)


def generic(random: Random, cls: type[Any], **given: Any) -> Any:
    """A value of a class for which nothing is known but its fields; those ``given`` are taken as they are."""
    for one in forms(cls):
        if one.name not in given and not one.lie and not (one.optional and one.registry is None):
            given[one.name] = _field(random, one)
    return cls.make(**given)


def _field(random: Random, form: Form) -> Any:
    if form.kind == "items":
        count = random.choice((0, 1, 1, 2, 3))
        return tuple(value(random, random.choice(form.classes)) if form.classes else bytes(4) for _ in range(count))
    if form.kind == "value":
        return value(random, random.choice(form.classes))
    if form.kind == "octets":
        return random.randbytes(form.size) if form.size else blob(random)
    if form.registry is not None:
        return member(random, form.registry, form.bits)
    if form.bits == 1:
        return random.random() < 0.05
    if form.name.startswith("reserved") and random.random() < 0.95:
        return 0
    return random.randrange(1 << form.bits)


# --- what rules know -----------------------------------------------------------------------------------------------


def _attribute(random: Random) -> Attribute:
    if random.random() < 0.8:
        return Attribute(AttributeType.KEY_LENGTH, random.choice((128, 192, 256, 0, 65535)))
    kind = member(random, AttributeType, 15)
    return Attribute(kind, random.choice((random.randrange(65536), random.randbytes(random.randrange(9)))))


def _transform(random: Random, kind: TransformType | None = None) -> Transform:
    if kind is None:
        kind = TransformType(member(random, TransformType))
    registry = TRANSFORM_IDS.get(kind)
    number: int
    if kind in _COMMON and random.random() < 0.7:
        number = random.choice(_COMMON[kind])
    else:
        number = random.randrange(65536) if registry is None else member(random, registry, 16)
    attributes: tuple[Attribute, ...] = ()
    if kind == TransformType.ENCR and number in _KEYED:
        attributes = (Attribute(AttributeType.KEY_LENGTH, random.choice((128, 192, 256))),)
    elif random.random() < 0.03:
        attributes = (_attribute(random),)
    return Transform.make(kind, number, attributes)


_ALWAYS = (TransformType.ENCR, TransformType.INTEG, TransformType.KE)


def _proposal(random: Random, number: int = 1, protocol: ProtocolID | None = None) -> Proposal:
    if protocol is None:
        protocol = random.choice((ProtocolID.IKE, ProtocolID.IKE, ProtocolID.ESP, ProtocolID.AH))
    last = TransformType.PRF if protocol == ProtocolID.IKE else TransformType.ESN
    transforms = [_transform(random, kind) for kind in (*_ALWAYS, last) for _ in range(random.choice((0, 1, 1, 1, 2)))]
    if random.random() < 0.1:
        transforms.append(_transform(random))
    size = random.choice((0, 8)) if protocol == ProtocolID.IKE else 4
    return Proposal.make(number, protocol, tuple(transforms), random.randbytes(size))


def _sa(random: Random) -> SA:
    return sa(random, random.choice((ProtocolID.IKE, ProtocolID.ESP)))


def sa(random: Random, protocol: ProtocolID) -> SA:
    """An offer for a protocol."""
    count = random.choice((1, 1, 1, 2, 3))
    return SA.make(tuple(_proposal(random, number, protocol) for number in range(1, count + 1)))


def _ke(random: Random) -> KE:
    method = KeMethod.CURVE25519 if random.random() < 0.5 else KeMethod(member(random, KeMethod, 16))
    size = public_size(method) if method.known and random.random() < 0.95 else random.choice(SIZES)
    return KE.make(method, random.randbytes(size))


def _identification(cls: type[Any]) -> Callable[[Random], Any]:
    def make(random: Random) -> Any:
        kind = IdType(member(random, IdType))
        return cls.make(kind, identity(random, kind))

    return make


def _cert(random: Random) -> CERT:
    encoding = CertEncoding.X509_SIGNATURE
    if random.random() < 0.4:
        encoding = CertEncoding(member(random, CertEncoding))
    return CERT.make(encoding, certificate_data(random, encoding))


def _certreq(random: Random) -> CERTREQ:
    encoding = CertEncoding.X509_SIGNATURE if random.random() < 0.7 else CertEncoding(member(random, CertEncoding))
    return CERTREQ.make(encoding, random.randbytes(20 * random.choice((0, 1, 1, 2, 16))))


def _auth(random: Random) -> AUTH:
    method = AuthMethod(member(random, AuthMethod))
    start = b"\x07\x30\x05\x06\x03\x2b\x65\x70" if method == AuthMethod.DIGITAL_SIGNATURE else b""
    return AUTH.make(method, start + random.randbytes(random.choice((20, 32, 64, 256))))


def _nonce(random: Random) -> Nonce:
    return Nonce.make(random.randbytes(random.choice((16, 32, 32, 32, 64, 255, 256))))


def _notify(random: Random, kind: NotifyType | None = None) -> Notify:
    if kind is None:
        kind = random.choice(_FORMED) if random.random() < 0.5 else NotifyType(member(random, NotifyType, 16))
    if kind == NotifyType.REKEY_SA or random.random() < 0.05:
        return Notify.make(kind, data(random, kind), ProtocolID.ESP, random.randbytes(4))
    return Notify.make(kind, data(random, kind))


def notify(random: Random, kind: NotifyType) -> Notify:
    """A notify of a type, with data of the form that it has."""
    return _notify(random, kind)


def _delete(random: Random) -> Delete:
    if random.random() < 0.3:
        return Delete.make(ProtocolID.IKE)
    return Delete.make(ProtocolID.ESP, tuple(random.randbytes(4) for _ in range(random.choice((0, 1, 1, 2, 9)))))


def _cfg_attribute(random: Random) -> CfgAttr:
    kind = CfgAttribute(member(random, CfgAttribute, 15))
    return CfgAttr.make(kind, b"" if random.random() < 0.4 else random.randbytes(random.choice((4, 8, 16, 17, 1, 32))))


def _cp(random: Random) -> CP:
    return CP.make(CfgType(member(random, CfgType)), tuple(_cfg_attribute(random) for _ in range(random.randrange(6))))


def _selector(random: Random) -> TrafficSelector:
    size = random.choice((4, 4, 16))
    kind = TsType.IPV4_ADDR_RANGE if size == 4 else TsType.IPV6_ADDR_RANGE
    ports = random.choice(((0, 65535), (0, 65535), (500, 500), (65535, 0), (7, 1024)))
    start = random.choice((bytes(size), bytes((10,)).ljust(size, b"\1"), random.randbytes(size)))
    end = random.choice((start, b"\xff" * size, bytes((10,)).ljust(size, b"\xff")))
    return TrafficSelector.make(kind, random.choice((0, 0, 6, 17, 1, 58, 255)), *ports, start, end)


_ADDRESSES = (TsType.IPV4_ADDR_RANGE, TsType.IPV6_ADDR_RANGE)


def _unknown_selector(random: Random) -> UnknownSelector:
    kind = member(random, TsType)
    if kind in _ADDRESSES:
        kind = TsType.SECLABEL
    return UnknownSelector.make(kind, random.randbytes(random.randrange(24)))


@cache
def _free_types() -> tuple[PayloadType, ...]:
    """Payload types that have no class."""
    from conformance.fuzz.forms import payload_classes

    taken = {int(cls.payload_type) for cls in payload_classes() if not isinstance(cls.payload_type, property)}
    return tuple(PayloadType(number) for number in range(1, 256) if number not in taken)


def _unknown_payload(random: Random) -> UnknownPayload:
    return UnknownPayload.make(random.choice(_free_types()), blob(random))


RULES: dict[type, Callable[[Random], Any]] = {
    Attribute: _attribute,
    Transform: _transform,
    Proposal: _proposal,
    SA: _sa,
    KE: _ke,
    IDi: _identification(IDi),
    IDr: _identification(IDr),
    IDg: _identification(IDg),
    CERT: _cert,
    CERTREQ: _certreq,
    AUTH: _auth,
    Nonce: _nonce,
    Notify: _notify,
    Delete: _delete,
    CfgAttr: _cfg_attribute,
    CP: _cp,
    TrafficSelector: _selector,
    UnknownSelector: _unknown_selector,
    UnknownPayload: _unknown_payload,
    EapPacket: packet,
}
"""What is known of classes beyond their fields."""
