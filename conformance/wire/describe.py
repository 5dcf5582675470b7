"""Messages as JSON trees for transcripts and pages.

A tree is ``{"name": str, "fields": {str: str}, "children": [trees]}``. Fields that say nothing (reserved bits that are
zero, lies that are not told) are left out. Any value can be described, however bent it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields as fields_of
from typing import Any

from conformance.wire.codec import decode_payloads, encode_payloads
from conformance.wire.errors import WireError
from conformance.wire.meaning import (
    algorithm_oid,
    certificate_fields,
    configuration_text,
    hex_text,
    identity_text,
    plain_text,
)
from conformance.wire.message import FLAG_INITIATOR, FLAG_RESPONSE, FLAG_VERSION, Message
from conformance.wire.notify_data import notification_fields
from conformance.wire.payloads import (
    AUTH,
    CERT,
    CERTREQ,
    CP,
    EAP,
    KE,
    SA,
    SK,
    SKF,
    TS,
    Attribute,
    CfgAttr,
    Delete,
    Identification,
    Nonce,
    Notify,
    Payload,
    Proposal,
    Selector,
    TrafficSelector,
    Transform,
    UnknownPayload,
    VendorID,
)
from conformance.wire.registry import (
    TRANSFORM_IDS,
    AttributeType,
    AuthMethod,
    CertEncoding,
    CfgAttribute,
    CfgType,
    EapCode,
    EapType,
    ExchangeType,
    IdType,
    KeMethod,
    NotifyType,
    PayloadType,
    ProtocolID,
    TransformType,
    TsType,
)
from conformance.wire.summary import summary, summary_message

Tree = dict[str, Any]

_LIES = ("length", "next_payload", "last", "spi_size", "transform_count", "count")
_RESERVED = ("reserved", "reserved1", "reserved2")
_SHA1_SIZE = 20


def describe(payload: Payload) -> Tree:
    """The payload as a tree; ``name`` is its notation in the charts of the RFCs."""
    for cls, part in _PARTS.items():
        if isinstance(payload, cls):
            fields, children = part(payload)
            break
    else:
        fields, children = {}, []
    if payload.critical:
        fields = {"critical": "yes", **fields}
    return _tree(payload.payload_type.notation, {**fields, **_oddities(payload)}, children)


def describe_message(message: Message) -> Tree:
    """The message as a tree: header fields, a summary, the payloads as children."""
    names = {FLAG_RESPONSE: "response", FLAG_VERSION: "version", FLAG_INITIATOR: "initiator"}
    flags = [name for bit, name in names.items() if message.flags & bit]
    if rest := message.flags & ~(FLAG_RESPONSE | FLAG_VERSION | FLAG_INITIATOR):
        flags.append(f"{rest:#04x}")
    fields = {
        "summary": summary_message(message),
        "spi_i": message.spi_i.hex(),
        "spi_r": message.spi_r.hex(),
        "version": f"{message.version >> 4}.{message.version & 15}",
        "flags": ", ".join(flags) or "none",
        "message_id": str(message.message_id),
        **_oddities(message),
    }
    if message.trailing:
        fields["trailing"] = hex_text(message.trailing)
    return _tree(str(ExchangeType(message.exchange)), fields, [describe(payload) for payload in message.payloads])


def _tree(name: str, fields: dict[str, str], children: Iterable[Tree] = ()) -> Tree:
    return {"name": name, "fields": fields, "children": list(children)}


def _oddities(value: Payload | Message | Proposal | Transform | Selector | CfgAttr) -> dict[str, str]:
    """Reserved bits that are set and lies that are told."""
    found = {}
    for name in [item.name for item in fields_of(value)]:
        number = getattr(value, name)
        if name in _RESERVED and number:
            found[name] = f"{number:#x}"
        elif name in _LIES and number is not None:
            found[f"claimed_{name}"] = str(number)
    return found


def _bytes_field(name: str, data: bytes) -> dict[str, str]:
    return {name: hex_text(data)} if data else {}


Part = tuple[dict[str, str], list[Tree]]


def _sa(payload: SA) -> Part:
    return {"summary": summary(payload)}, [_proposal(proposal) for proposal in payload.proposals]


def _proposal(proposal: Proposal) -> Tree:
    fields = {"protocol": str(ProtocolID(proposal.protocol)), **_bytes_field("spi", proposal.spi)}
    children = [_transform(transform) for transform in proposal.transforms]
    return _tree(f"Proposal {proposal.number}", {**fields, **_oddities(proposal)}, children)


def _transform(transform: Transform) -> Tree:
    kind = TransformType(transform.type)
    registry = TRANSFORM_IDS.get(kind)
    fields = {"id": str(transform.id if registry is None else registry(transform.id))}
    for attribute in transform.attributes:
        fields |= _attribute(attribute)
    return _tree(str(kind), {**fields, **_oddities(transform)})


def _attribute(attribute: Attribute) -> dict[str, str]:
    name = str(AttributeType(attribute.type)).lower()
    value = attribute.value
    fields = {name: str(value) if isinstance(value, int) else hex_text(value)}
    return fields if attribute.length is None else {**fields, f"{name}_claimed_length": str(attribute.length)}


def _ke(payload: KE) -> Part:
    return {"method": str(KeMethod(payload.method)), "data": hex_text(payload.data)}, []


def _identification(payload: Identification) -> Part:
    return {"type": str(IdType(payload.id_type)), "id": identity_text(payload.id_type, payload.data)}, []


def _cert(payload: CERT) -> Part:
    return {"encoding": str(CertEncoding(payload.encoding)), **certificate_fields(payload.encoding, payload.data)}, []


def _certreq(payload: CERTREQ) -> Part:
    data = payload.data
    fields = {"encoding": str(CertEncoding(payload.encoding))}
    if not data or len(data) % _SHA1_SIZE:
        return {**fields, **_bytes_field("data", data)}, []
    hashes = [data[start : start + _SHA1_SIZE].hex() for start in range(0, len(data), _SHA1_SIZE)]
    return {**fields, "authorities": str(len(hashes)), "hashes": ", ".join(hashes)}, []


def _auth(payload: AUTH) -> Part:
    fields = {"method": str(AuthMethod(payload.method))}
    if payload.method == AuthMethod.DIGITAL_SIGNATURE and payload.data:
        size = payload.data[0]
        identifier = payload.data[1 : 1 + size]
        name = _SIGNATURES.get(identifier.hex()) or algorithm_oid(identifier)
        return {
            **fields,
            "algorithm": name or hex_text(identifier),
            "signature": hex_text(payload.data[1 + size :]),
        }, []
    return {**fields, "data": hex_text(payload.data)}, []


def _nonce(payload: Nonce) -> Part:
    return {"size": f"{len(payload.data)} bytes", "data": hex_text(payload.data)}, []


def _notify(payload: Notify) -> Part:
    fields = {"type": str(NotifyType(payload.type))}
    if payload.protocol:
        fields["protocol"] = str(ProtocolID(payload.protocol))
    return {**fields, **_bytes_field("spi", payload.spi), **notification_fields(payload.type, payload.data)}, []


def _delete(payload: Delete) -> Part:
    fields = {"protocol": str(ProtocolID(payload.protocol))}
    return {**fields, **({"spis": ", ".join([spi.hex() for spi in payload.spis])} if payload.spis else {})}, []


def _vendor_id(payload: VendorID) -> Part:
    text = plain_text(payload.data)
    return {"data": hex_text(payload.data), **({"text": text} if text else {})}, []


def _ts(payload: TS) -> Part:
    return {}, [_selector(selector) for selector in payload.selectors]


def _selector(selector: Selector) -> Tree:
    fields = {"selector": str(selector)}
    if isinstance(selector, TrafficSelector):
        fields |= {"protocol": str(selector.protocol), "ports": f"{selector.start_port}-{selector.end_port}"}
    elif selector.type == TsType.SECLABEL and (text := plain_text(selector.body.rstrip(b"\0"))):
        fields["label"] = text
    return _tree(str(TsType(selector.type)), {**fields, **_oddities(selector)})


def _cp(payload: CP) -> Part:
    return {"type": str(CfgType(payload.cfg_type))}, [_cfg_attribute(attribute) for attribute in payload.attributes]


def _cfg_attribute(attribute: CfgAttr) -> Tree:
    value = {"value": configuration_text(attribute.type, attribute.value)} if attribute.value else {}
    return _tree(str(CfgAttribute(attribute.type)), {**value, **_oddities(attribute)})


def _eap(payload: EAP) -> Part:
    packet = payload.packet
    fields = {"code": str(EapCode(packet.code)), "identifier": str(packet.identifier)}
    if packet.type is not None:
        fields["type"] = str(EapType(packet.type))
    if packet.type == EapType.IDENTITY and (text := plain_text(packet.data)):
        fields["identity"] = text
    elif packet.type == EapType.NAK:
        fields["wanted"] = ", ".join([str(EapType(number)) for number in packet.data])
    else:
        fields |= _bytes_field("data", packet.data)
    if packet.length is not None:
        fields["claimed_packet_length"] = str(packet.length)
    return fields, []


def _sk(payload: SK) -> Part:
    return {"inner": PayloadType(payload.inner).notation, "sealed": f"{len(payload.body)} bytes"}, []


def _skf(payload: SKF) -> Part:
    fields = {"inner": PayloadType(payload.inner).notation, "fragment": f"{payload.number} of {payload.total}"}
    return {**fields, "sealed": f"{len(payload.body)} bytes"}, []


def _unknown(payload: UnknownPayload) -> Part:
    fields = {"type": str(payload.type), "body": hex_text(payload.body)}
    problem = _problem(payload)
    return {**fields, **({"malformed": problem} if problem else {})}, []


def _problem(payload: UnknownPayload) -> str | None:
    """Why the body of a payload of a known type could not be read."""
    try:
        decode_payloads(*encode_payloads([UnknownPayload(payload.type, payload.body)]))
    except WireError as error:
        return str(error)
    except ValueError:
        return None
    return None


_SIGNATURES = {
    "300d06092a864886f70d0101050500": "RSASSA-PKCS1-v1_5 with SHA-1",
    "300d06092a864886f70d01010b0500": "RSASSA-PKCS1-v1_5 with SHA-256",
    "300d06092a864886f70d01010c0500": "RSASSA-PKCS1-v1_5 with SHA-384",
    "300d06092a864886f70d01010d0500": "RSASSA-PKCS1-v1_5 with SHA-512",
    "300906072a8648ce3d0401": "ECDSA with SHA-1",
    "300a06082a8648ce3d040302": "ECDSA with SHA-256",
    "300a06082a8648ce3d040303": "ECDSA with SHA-384",
    "300a06082a8648ce3d040304": "ECDSA with SHA-512",
    "300506032b6570": "Ed25519",
    "300506032b6571": "Ed448",
}

_PARTS: dict[type[Payload], Callable[[Any], Part]] = {
    SA: _sa,
    KE: _ke,
    Identification: _identification,
    CERT: _cert,
    CERTREQ: _certreq,
    AUTH: _auth,
    Nonce: _nonce,
    Notify: _notify,
    Delete: _delete,
    VendorID: _vendor_id,
    TS: _ts,
    CP: _cp,
    EAP: _eap,
    SK: _sk,
    SKF: _skf,
    UnknownPayload: _unknown,
}
