"""The IANA registries of IKEv2 (ikev2-parameters) as open enumerations: an unknown number stays a number."""

from conformance.wire.registry.base import Lookup, OpenEnum
from conformance.wire.registry.group import (
    GroupKeyBagAttribute,
    GroupPolicyAttribute,
    GroupSaAttribute,
    MemberKeyBagAttribute,
)
from conformance.wire.registry.identity import AuthMethod, CertEncoding, EapCode, EapType, HashAlgorithm, IdType
from conformance.wire.registry.messages import ExchangeType, PayloadType, ProtocolID
from conformance.wire.registry.notify import (
    GatewayIdType,
    IpCompTransform,
    NotifyType,
    PpkIdType,
    RohcAttribute,
    SecurePasswordMethod,
)
from conformance.wire.registry.traffic import CfgAttribute, CfgType, TsType
from conformance.wire.registry.transforms import (
    TRANSFORM_IDS,
    AttributeType,
    Encr,
    Esn,
    GroupControllerAuth,
    Integ,
    KeMethod,
    KeyWrap,
    Prf,
    TransformType,
)

__all__ = [
    "TRANSFORM_IDS",
    "AttributeType",
    "AuthMethod",
    "CertEncoding",
    "CfgAttribute",
    "CfgType",
    "EapCode",
    "EapType",
    "Encr",
    "Esn",
    "ExchangeType",
    "GatewayIdType",
    "GroupControllerAuth",
    "GroupKeyBagAttribute",
    "GroupPolicyAttribute",
    "GroupSaAttribute",
    "HashAlgorithm",
    "IdType",
    "Integ",
    "IpCompTransform",
    "KeMethod",
    "KeyWrap",
    "Lookup",
    "MemberKeyBagAttribute",
    "NotifyType",
    "OpenEnum",
    "PayloadType",
    "PpkIdType",
    "Prf",
    "ProtocolID",
    "RohcAttribute",
    "SecurePasswordMethod",
    "TransformType",
    "TsType",
]
