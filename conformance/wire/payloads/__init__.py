"""Every payload of IKEv2 as a value: one module per subject, all re-exported here."""

from conformance.wire.payloads.base import Payload
from conformance.wire.payloads.configuration import CP, CfgAttr
from conformance.wire.payloads.eap import EAP, EapPacket
from conformance.wire.payloads.exchange import AUTH, CERT, CERTREQ, KE, Identification, IDg, IDi, IDr
from conformance.wire.payloads.notify import Delete, Notify
from conformance.wire.payloads.plain import SK, SKF, Nonce, UnknownPayload, VendorID
from conformance.wire.payloads.sa import SA, Attribute, Proposal, Transform
from conformance.wire.payloads.selectors import (
    ANY_PORT,
    OPAQUE_PORT,
    TS,
    Selector,
    TrafficSelector,
    TSi,
    TSr,
    UnknownSelector,
)

__all__ = [
    "ANY_PORT",
    "AUTH",
    "CERT",
    "CERTREQ",
    "CP",
    "EAP",
    "KE",
    "OPAQUE_PORT",
    "SA",
    "SK",
    "SKF",
    "TS",
    "Attribute",
    "CfgAttr",
    "Delete",
    "EapPacket",
    "IDg",
    "IDi",
    "IDr",
    "Identification",
    "Nonce",
    "Notify",
    "Payload",
    "Proposal",
    "Selector",
    "TSi",
    "TSr",
    "TrafficSelector",
    "Transform",
    "UnknownPayload",
    "UnknownSelector",
    "VendorID",
]
