"""Hypothesis strategies of everything the codec can write and read back."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from conformance.wire import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    KE,
    SA,
    SK,
    SKF,
    TRANSFORM_IDS,
    Attribute,
    AttributeType,
    AuthMethod,
    CertEncoding,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Delete,
    EapCode,
    EapPacket,
    EapType,
    ExchangeType,
    IDg,
    IDi,
    IDr,
    IdType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    OpenEnum,
    Payload,
    PayloadType,
    Proposal,
    ProtocolID,
    Selector,
    TrafficSelector,
    Transform,
    TransformType,
    TSi,
    TSr,
    TsType,
    UnknownPayload,
    UnknownSelector,
    VendorID,
)

E = TypeVar("E", bound=OpenEnum)
P = TypeVar("P", bound=Payload)

U8, U15, U16, U24, U32 = 0xFF, 0x7FFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF
KNOWN_TYPES = frozenset(range(33, 49)) | {50, 53}


def numbers(highest: int) -> st.SearchStrategy[int]:
    return st.integers(0, highest)


def reserved(highest: int) -> st.SearchStrategy[int]:
    """Reserved bits: mostly zero, sometimes anything."""
    return st.one_of(st.just(0), numbers(highest))


def members(registry: type[E], highest: int) -> st.SearchStrategy[E]:
    """Registered and unregistered numbers of a registry."""
    return st.one_of(st.sampled_from(list(registry)), numbers(highest).map(registry))


blobs = st.binary(max_size=40)
spis8 = st.binary(min_size=8, max_size=8)

unknown_types = st.integers(1, U8).filter(lambda kind: kind not in KNOWN_TYPES).map(PayloadType)

attributes = st.builds(Attribute, members(AttributeType, U15), st.one_of(numbers(U16), blobs))


@st.composite
def transforms(draw: st.DrawFn) -> Transform:
    kind = draw(members(TransformType, U8))
    registry = TRANSFORM_IDS.get(kind)
    number: int = draw(numbers(U16) if registry is None else members(registry, U16))
    held = tuple(draw(st.lists(attributes, max_size=3)))
    return Transform(kind, number, held, reserved1=draw(reserved(U8)), reserved2=draw(reserved(U8)))


proposals = st.builds(
    Proposal,
    numbers(U8),
    members(ProtocolID, U8),
    st.lists(transforms(), max_size=5).map(tuple),
    st.binary(max_size=20),
    reserved=reserved(U8),
)


def frames(payloads: st.SearchStrategy[P]) -> st.SearchStrategy[P]:
    """The same payloads under any critical and reserved bits."""
    return st.builds(
        lambda payload, critical, rest: replace(payload, critical=critical, reserved=rest),
        payloads,
        st.booleans(),
        reserved(0x7F),
    )


def _addresses(size: int, kind: TsType) -> st.SearchStrategy[TrafficSelector]:
    address = st.binary(min_size=size, max_size=size)
    return st.builds(TrafficSelector, st.just(kind), numbers(U8), numbers(U16), numbers(U16), address, address)


selectors: st.SearchStrategy[Selector] = st.one_of(
    _addresses(4, TsType.IPV4_ADDR_RANGE),
    _addresses(16, TsType.IPV6_ADDR_RANGE),
    st.builds(
        UnknownSelector,
        members(TsType, U8).filter(lambda kind: kind not in (TsType.IPV4_ADDR_RANGE, TsType.IPV6_ADDR_RANGE)),
        blobs,
        protocol=numbers(U8),
    ),
)
selector_lists = st.lists(selectors, max_size=4).map(tuple)


@st.composite
def deletes(draw: st.DrawFn) -> Delete:
    protocol = draw(members(ProtocolID, U8))
    size = draw(st.integers(1, 9))
    spis = tuple(draw(st.lists(st.binary(min_size=size, max_size=size), max_size=4)))
    if spis:
        return Delete(protocol, spis)
    usual = 4 if protocol in (ProtocolID.AH, ProtocolID.ESP) else 0
    told = draw(st.one_of(st.none(), numbers(U8).filter(lambda number: number != usual)))
    countable = (usual if told is None else told) == 0
    return Delete(protocol, spi_size=told, count=draw(st.none() | st.integers(1, U16)) if countable else None)


@st.composite
def eap_packets(draw: st.DrawFn) -> EapPacket:
    code = draw(members(EapCode, U8))
    identifier = draw(numbers(U8))
    if code in (EapCode.SUCCESS, EapCode.FAILURE):
        return EapPacket(code, identifier, None, draw(blobs))
    kind = draw(st.none() | members(EapType, U8))
    return EapPacket(code, identifier, kind, b"" if kind is None else draw(blobs))


inner_payloads: st.SearchStrategy[Payload] = st.one_of(
    frames(st.builds(SA, st.lists(proposals, max_size=3).map(tuple))),
    frames(st.builds(KE, members(KeMethod, U16), blobs, reserved2=reserved(U16))),
    frames(st.builds(IDi, members(IdType, U8), blobs, reserved2=reserved(U24))),
    frames(st.builds(IDr, members(IdType, U8), blobs, reserved2=reserved(U24))),
    frames(st.builds(IDg, members(IdType, U8), blobs, reserved2=reserved(U24))),
    frames(st.builds(CERT, members(CertEncoding, U8), blobs)),
    frames(st.builds(CERTREQ, members(CertEncoding, U8), blobs)),
    frames(st.builds(AUTH, members(AuthMethod, U8), blobs, reserved2=reserved(U24))),
    frames(st.builds(Nonce, blobs)),
    frames(st.builds(Notify, members(NotifyType, U16), blobs, members(ProtocolID, U8), st.binary(max_size=9))),
    frames(deletes()),
    frames(st.builds(VendorID, blobs)),
    frames(st.builds(TSi, selector_lists, reserved2=reserved(U24))),
    frames(st.builds(TSr, selector_lists, reserved2=reserved(U24))),
    frames(
        st.builds(
            CP,
            members(CfgType, U8),
            st.lists(st.builds(CfgAttr, members(CfgAttribute, U15), blobs, reserved=numbers(1)), max_size=4).map(tuple),
            reserved2=reserved(U24),
        )
    ),
    frames(st.builds(EAP, eap_packets())),
    frames(
        st.builds(
            UnknownPayload, st.integers(1, U8).filter(lambda kind: kind not in KNOWN_TYPES).map(PayloadType), blobs
        )
    ),
)
"""Every payload that may stand anywhere in a message, with everything a strict decoder accepts."""

sealed_payloads: st.SearchStrategy[Payload] = st.one_of(
    frames(st.builds(SK, members(PayloadType, U8), blobs)),
    frames(st.builds(SKF, members(PayloadType, U8), numbers(U16), numbers(U16), blobs)),
)
"""The payloads that may only stand last."""

payload_lists = st.builds(
    lambda plain, sealed: (*plain, *sealed),
    st.lists(inner_payloads, max_size=6),
    st.one_of(st.just([]), st.lists(sealed_payloads, min_size=1, max_size=1)),
)

messages = st.builds(
    Message,
    spis8,
    spis8,
    members(ExchangeType, U8),
    numbers(U8),
    numbers(U32),
    payload_lists,
    numbers(U8),
)

_LIE_SIZES = {"length": U16, "next_payload": U8, "spi_size": U8, "count": U8}


@st.composite
def lying_payloads(draw: st.DrawFn) -> Payload:
    """A payload of whose own lies some are told (its substructures tell the truth)."""
    payload = draw(st.one_of(inner_payloads, sealed_payloads))
    names = [item.name for item in fields(payload) if item.name in _LIE_SIZES]
    told = draw(st.sets(st.sampled_from(names)))
    lies: dict[str, Any] = {name: draw(numbers(_LIE_SIZES[name])) for name in sorted(told)}
    return replace(payload, **lies)


lying_messages = st.builds(
    lambda message, payloads, length, first, rest: replace(
        message, payloads=tuple(payloads), length=length, next_payload=first, trailing=rest
    ),
    messages,
    st.lists(lying_payloads(), max_size=5),
    st.none() | numbers(U32),
    st.none() | numbers(U8),
    st.just(b"") | blobs,
)
"""Messages that can be written but need not be readable."""
