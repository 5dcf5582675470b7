"""Registries: open to any number, and with the numbers that others use."""

from __future__ import annotations

import copy
import pickle
import struct

import pytest
from scapy.contrib import ikev2

from conformance.wire import (
    AuthMethod,
    CertEncoding,
    CfgAttribute,
    CfgType,
    Encr,
    Esn,
    ExchangeType,
    GatewayIdType,
    Integ,
    KeMethod,
    Lookup,
    NotifyType,
    OpenEnum,
    PayloadType,
    Prf,
    ProtocolID,
    TransformType,
    TsType,
)


def test_a_known_number_has_its_name() -> None:
    cookie = NotifyType(16390)
    assert cookie is NotifyType.COOKIE
    assert (cookie.name, str(cookie), f"{cookie}", f"{cookie:>8}", f"{cookie:#x}", repr(cookie), cookie.known) == (
        "COOKIE",
        "COOKIE",
        "COOKIE",
        "  COOKIE",
        "0x4006",
        "NotifyType.COOKIE",
        True,
    )


def test_an_unknown_number_stays_a_number() -> None:
    unknown = NotifyType(40999)
    assert isinstance(unknown, NotifyType)
    assert (unknown, str(unknown), f"{unknown}", repr(unknown), unknown.name, unknown.known) == (
        40999,
        "40999",
        "40999",
        "NotifyType(40999)",
        "40999",
        False,
    )
    assert {unknown: 1}[40999] == 1  # type: ignore[index]
    assert unknown == NotifyType(40999) != NotifyType(41000)
    assert struct.pack("!H", unknown) == b"\xa0\x27"
    assert pickle.loads(pickle.dumps(unknown)) == copy.deepcopy(unknown) == unknown
    assert unknown not in list(NotifyType)


@pytest.mark.parametrize("value", [-1, "COOKIE", None, 1.5])
def test_only_numbers_from_zero_on_are_values(value: object) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        NotifyType(value)  # type: ignore[arg-type]


def test_a_lookup_makes_unknown_values_without_growing() -> None:
    lookup = Lookup(Encr)
    size = len(lookup)
    assert lookup[12] is Encr.AES_CBC
    assert repr(lookup[999]) == "Encr(999)"
    assert len(lookup) == size


def test_errors_end_where_status_begins() -> None:
    assert NotifyType.REGISTRATION_FAILED.is_error
    assert NotifyType(16383).is_error
    assert not NotifyType.INITIAL_CONTACT.is_error
    assert not NotifyType(40999).is_error


def test_notation_is_that_of_the_charts() -> None:
    shown = " ".join([PayloadType(number).notation for number in range(33, 55)])
    assert shown == "SA KE IDi IDr CERT CERTREQ AUTH Nonce N D V TSi TSr SK CP EAP GSPM IDg GSA KD SKF PS"
    assert PayloadType(200).notation == "200"


def plain(text: str) -> str:
    return "".join(each for each in text.lower() if each.isalnum())


TRANSFORMS = ikev2.IKEv2TransformAlgorithms
SAME_NAMES: list[tuple[type[OpenEnum], dict[int, str], str]] = [
    (NotifyType, ikev2.IKEv2NotifyMessageTypes, "IV2_NOTIFY_"),
    (ExchangeType, ikev2.IKEv2ExchangeTypes, ""),
    (CfgAttribute, ikev2.IKEv2ConfigurationAttributeTypes, ""),
    (CfgType, ikev2.IKEv2ConfigurationPayloadCFGTypes, "CFG_"),
    (ProtocolID, ikev2.IKEv2ProtocolTypes, ""),
    (TsType, ikev2.IKEv2TrafficSelectorTypes, "TS_"),
    (GatewayIdType, ikev2.IKEv2GatewayIDTypes, ""),
    (Prf, TRANSFORMS[2], "PRF_"),
]
OTHER_WORDS = {"NOTIFY_STATE_NOT_FOUND": "STATE_NOT_FOUND", "SENDER_REQUEST_ID": "GROUP_SENDER"}


@pytest.mark.parametrize(("registry", "theirs", "prefix"), SAME_NAMES, ids=lambda value: getattr(value, "__name__", ""))
def test_scapy_gives_the_same_names(registry: type[OpenEnum], theirs: dict[int, str], prefix: str) -> None:
    for number, name in theirs.items():
        name = OTHER_WORDS.get(name, name.removeprefix(prefix))
        assert plain(registry(number).name) == plain(name)


def test_scapy_gives_the_same_numbers_to_algorithms() -> None:
    words = {"3DES": "TRIPLEDES", "3IDEA": "TRIPLEIDEA", "KuzneychikMGMKTREE": "KUZNYECHIKMGMKTREE"}
    for number, name in TRANSFORMS[1].items():
        name = words.get(name.replace("-", ""), name.removesuffix("ICV"))
        assert plain(Encr(number).name) == plain(name)
    for number, name in TRANSFORMS[3].items():
        assert plain(Integ(number).name).removeprefix("hmac") == plain(name).removeprefix("hmac")
    assert set(TRANSFORMS[4]) == {int(method) for method in KeMethod if 0 < method < KeMethod.ML_KEM_512}
    for number, name in TRANSFORMS[4].items():
        digits = "".join(each for each in name if each.isdigit())
        assert "".join(each for each in KeMethod(number).name if each.isdigit()) == digits
    assert set(ikev2.IKEv2AuthenticationTypes) - {0} == {int(method) for method in AuthMethod}
    assert set(ikev2.IKEv2CertificateEncodings) <= {int(encoding) for encoding in CertEncoding}


def test_numbers_newer_than_scapys() -> None:
    assert (KeMethod.ML_KEM_512, KeMethod.ML_KEM_768, KeMethod.ML_KEM_1024) == (35, 36, 37)
    assert [TransformType[f"ADDKE{number}"] for number in range(1, 8)] == list(range(6, 13))
    assert (TransformType.KWA, TransformType.GCAUTH, Esn.UNSPECIFIED_32) == (13, 14, 2)
    assert (ExchangeType.GSA_INBAND_REKEY, ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_FOLLOWUP_KE) == (42, 43, 44)
    assert (NotifyType.TS_MAX_QUEUE, NotifyType.REGISTRATION_FAILED) == (48, 49)
    assert (NotifyType.SUPPORTED_AUTH_METHODS, NotifyType.SA_RESOURCE_INFO) == (16443, 16444)
    assert (NotifyType.USE_PPK_INT, NotifyType.PPK_IDENTITY_KEY) == (16445, 16446)
    assert (CfgAttribute.ENCDNS_IP4, CfgAttribute.ENCDNS_IP6, CfgAttribute.ENCDNS_DIGEST_INFO) == (27, 28, 29)
    assert (TsType.SECLABEL, ProtocolID.GIKE_UPDATE) == (10, 6)
