"""The registries of the message frame and of single values: what is sent with each number, and what is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    KE,
    AuthMethod,
    CertEncoding,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Delete,
    ExchangeType,
    IDi,
    IDr,
    IdType,
    IpCompTransform,
    KeMethod,
    Notify,
    NotifyType,
    Payload,
    PayloadType,
    ProtocolID,
    UnknownPayload,
)
from suites.dut import Dut
from suites.sweeps.cases import Case, Due, Sweep, every

CONTENTS = ((b"", "nothing"), (bytes(4), "four zero octets"), (bytes(range(32)), "32 octets"))
"""Empty, minimal, usual."""
PRIVATE_PAYLOADS = 128
"""Here and in other registries: a device may know a private number, and finds something else under it than it means."""
FORMER_ATTRIBUTES = (5, 9, 11)
"""Configuration attributes that were withdrawn, which a device may still look into."""


def appended(due: Due, items: Sequence[Payload]) -> Bend:
    """Payloads at the end of the message."""
    added = bend.STRAIGHT
    for one in items:
        added = added | bend.append(one)
    return added


def alone(change: Callable[[Any], Bend]) -> Callable[[Due, Sequence[Any]], Bend]:
    """Of items that cannot be together in one message the only one."""
    return lambda due, items: change(items[0])


# --- the frame --------------------------------------------------------------------------------------------------------


def _payload_types(dut: Dut, number: int) -> Iterable[Case]:
    known = number == PayloadType.NO_NEXT_PAYLOAD or PayloadType(number).known or number >= PRIVATE_PAYLOADS
    for body, text in CONTENTS:
        due = Due.OPEN if known else Due.IGNORED
        yield Case(number, f"payload type {number} with {text}", due, UnknownPayload(number, body))
    item = UnknownPayload(number, CONTENTS[1][0], critical=True)
    yield Case(number, f"critical payload type {number}", Due.OPEN if known else Due.CRITICAL, item)


PAYLOAD_TYPES = Sweep(
    "payload-types", every(PayloadType, 8), _payload_types, appended,
    ("RFC7296-2.5-13", "RFC7296-2.5-9", "RFC7296-2.5-12", "RFC7296-2.5-10"), together=16,
    always=(32, 127),
)  # fmt: skip


def exchange_types(*expected: ExchangeType) -> Sweep:
    """What makes an IKE SA or a Child SA has the exchange type that is due; no other makes one."""

    def cases(dut: Dut, number: int) -> Iterable[Case]:
        yield Case(number, f"exchange type {number}", Due.OPEN if number in expected else Due.REFUSED, number)

    return Sweep(
        "exchange-types", every(ExchangeType, 8), cases,
        alone(lambda number: bend.header(exchange=ExchangeType(number))), ("RFC7296-1-1",),
    )  # fmt: skip


EXCHANGE_TYPES_OPEN = replace(exchange_types(*map(ExchangeType, range(256))), requirements=("RFC7296-1-4",))


def _versions(dut: Dut, number: int) -> Iterable[Case]:
    major = number >> 4
    due = Due.IGNORED if major == 2 else Due.REFUSED if major > 2 else Due.OPEN
    yield Case(number, f"version {major}.{number & 15}", due, number)


VERSIONS = Sweep(
    "versions", tuple(range(256)), _versions, alone(lambda number: bend.header(version=number)),
    ("RFC7296-3.1-13", "RFC7296-3.1-11"), always=(0x21, 0x2F, 0x30),
)  # fmt: skip


def _flags(dut: Dut, number: int) -> Iterable[Case]:
    due = Due.REFUSED if number & 0x20 else Due.IGNORED if number & 0x08 else Due.OPEN
    yield Case(number, f"flags {number:#04x}", due, number)


FLAGS = Sweep(
    "flags", tuple(range(256)), _flags, alone(lambda number: bend.header(flags=number)),
    ("RFC7296-3.1-16", "RFC7296-3.1-19"), always=(0x09, 0x28, 0x88),
)  # fmt: skip


# --- notifies, deletions ----------------------------------------------------------------------------------------------


def _notify_types(dut: Dut, number: int) -> Iterable[Case]:
    kind = NotifyType(number)
    if kind == NotifyType.INITIAL_CONTACT:
        return  # it ends the IKE SA from before, and is tested elsewhere
    private = 8192 <= number < 16384 or number >= 40960
    due = Due.OPEN if kind.known or private else Due.IGNORED
    for data, text in CONTENTS:
        yield Case(number, f"N({kind}) with {text}", due, Notify(kind, data))
    item = Notify(kind, b"", ProtocolID.ESP, bytes((1, 2, 3, 4)))
    yield Case(number, f"N({kind}) with an SPI", due, item)


NOTIFY_TYPES = Sweep(
    "notify-types", every(NotifyType, 16), _notify_types, appended, ("RFC7296-3.10.1-3", "RFC7296-3.10.1-2"),
    together=8, always=(50, 8191, 32768),
)  # fmt: skip


def _notify_protocols(dut: Dut, number: int) -> Iterable[Case]:
    unknown, protocol = NotifyType(40000), ProtocolID(number)
    text = f"N({unknown}) of protocol {number}"
    due = Due.IGNORED if protocol in (ProtocolID.AH, ProtocolID.ESP) else Due.OPEN
    yield Case(number, text, Due.IGNORED, Notify(unknown, b"", protocol))
    yield Case(number, f"{text} with an SPI", due, Notify(unknown, b"", protocol, bytes((1, 2, 3, 4))))


NOTIFY_PROTOCOLS = Sweep(
    "notify-protocols", every(ProtocolID, 8), _notify_protocols, appended, ("RFC7296-3.10-4", "RFC7296-3.10.1-3"),
    together=8,
)  # fmt: skip


def _delete_protocols(dut: Dut, number: int) -> Iterable[Case]:
    protocol = ProtocolID(number)
    for spis, text in (((), "no SPI"), ((b"\1\2\3\4",), "an SPI of 4 octets"), ((bytes(range(1, 9)),), "one of 8")):
        yield Case(number, f"a Delete of protocol {number} with {text}", Due.OPEN, Delete(protocol, spis))


DELETE_PROTOCOLS = Sweep(
    "delete-protocols", every(ProtocolID, 8), _delete_protocols, appended, ("RFC7296-1.4-4",)
)  # fmt: skip


def _ipcomp(dut: Dut, number: int) -> Iterable[Case]:
    for attributes, text in ((b"", "nothing"), (bytes(8), "eight octets")):
        item = Notify(NotifyType.IPCOMP_SUPPORTED, bytes((0, 2, number)) + attributes)
        yield Case(number, f"compression {number} with {text}", Due.OPEN, item)


IPCOMP = Sweep("ipcomp", every(IpCompTransform, 8), _ipcomp, appended, ("RFC7296-2.22-4",))


# --- who it is --------------------------------------------------------------------------------------------------------


def _id_types(dut: Dut, number: int) -> Iterable[Case]:
    own, kind = dut.peer.connection.local.identity, IdType(number)
    for data, text in (*CONTENTS[:2], (own.data, "our name")):
        if (kind, data) != (own.id_type, own.data):
            yield Case(number, f"IDi of type {number} with {text}", Due.REFUSED, IDi(kind, data))
    for data, text in CONTENTS[::2]:
        yield Case(number, f"IDr of type {number} with {text}", Due.OPEN, IDr(kind, data))


def _as_identity(item: IDi | IDr) -> Bend:
    cls = type(item)
    if cls is IDi:
        return bend.replace(cls, lambda one: item, f"IDi of type {int(item.id_type)}")
    return bend.drop(IDr) | bend.insert(item, 1)


ID_TYPES = Sweep(
    "id-types", every(IdType, 8), _id_types, alone(_as_identity), ("RFC7296-2.15-3", "RFC7296-1.2-18"), bypass=True
)
"""Our AUTH covers the identity that we have, so nobody is let in under another one."""


def _auth_methods(dut: Dut, number: int) -> Iterable[Case]:
    for data, text in ((None, "our proof"), *CONTENTS[::2]):
        yield Case(number, f"AUTH by method {number} with {text}", Due.REFUSED, (number, data))


def _as_proof(item: tuple[int, bytes | None]) -> Bend:
    number, data = item

    def other(one: AUTH) -> AUTH:
        changed = replace(one, method=AuthMethod(number))
        if data is not None:
            return replace(changed, data=data)
        return changed if one.method != number else replace(changed, data=bytes(len(one.data)))

    return bend.replace(AUTH, other, f"AUTH by method {number}")


AUTH_METHODS = Sweep(
    "auth-methods", every(AuthMethod, 8), _auth_methods, alone(_as_proof), ("RFC7296-1.2-18",), bypass=True
)


def _certificate_requests(dut: Dut, number: int) -> Iterable[Case]:
    encoding = CertEncoding(number)
    for data, text in ((b"", "nothing"), (bytes(20), "20 octets"), (bytes(7), "7 octets")):
        due = Due.OPEN if encoding.known else Due.IGNORED
        yield Case(number, f"CERTREQ of encoding {number} with {text}", due, CERTREQ(encoding, data))


CERTIFICATE_REQUESTS = Sweep(
    "certificate-requests", every(CertEncoding, 8), _certificate_requests, appended, ("RFC7296-3.7-5",), together=8
)


def _certificates(dut: Dut, number: int) -> Iterable[Case]:
    for data, text in CONTENTS[::2]:
        item = CERT(CertEncoding(number), data)
        yield Case(number, f"CERT of encoding {number} with {text}", Due.OPEN, item)


CERTIFICATES = Sweep("certificates", every(CertEncoding, 8), _certificates, appended, ("RFC7296-1-4",))


# --- configuration, groups --------------------------------------------------------------------------------------------


def _config_attributes(dut: Dut, number: int) -> Iterable[Case]:
    kind = CfgAttribute(number)
    for data, text in CONTENTS:
        due = Due.OPEN if kind.known or number in FORMER_ATTRIBUTES or number >= 16384 else Due.IGNORED
        yield Case(number, f"configuration attribute {number} with {text}", due, CfgAttr(kind, data))


def _asked_for(due: Due, items: Sequence[CfgAttr]) -> Bend:
    return bend.append(CP(CfgType.REQUEST, tuple(items)))


CONFIG_ATTRIBUTES = Sweep(
    "config-attributes",
    every(CfgAttribute, 15),
    _config_attributes,
    _asked_for,
    ("RFC7296-3.15.1-15",),
    together=8,
    always=(30, 16383),
)


def _config_attributes_open(dut: Dut, number: int) -> Iterable[Case]:
    return [replace(one, due=Due.OPEN) for one in _config_attributes(dut, number)]


CONFIG_ATTRIBUTES_OPEN = replace(CONFIG_ATTRIBUTES, cases=_config_attributes_open)


def _config_types(dut: Dut, number: int) -> Iterable[Case]:
    address = CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS)
    for attributes, text in (((), "no attribute"), ((address,), "an address")):
        yield Case(number, f"CFG type {number} with {text}", Due.OPEN, CP(CfgType(number), attributes))


CONFIG_TYPES = Sweep("config-types", every(CfgType, 8), _config_types, appended, ("RFC7296-1-4",))


def _groups(dut: Dut, number: int) -> Iterable[Case]:
    due = Due.OPEN if KeMethod(number).known else Due.REFUSED
    yield Case(number, f"KE of group {number}", due, number)


GROUPS = Sweep(
    "groups", every(KeMethod, 16), _groups, alone(lambda number: bend.change(KE, f"KE of group {number}",
    method=KeMethod(number))), ("RFC7296-3.4-5",),
)  # fmt: skip
