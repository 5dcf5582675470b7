"""Which algorithms a device takes, as it says itself, and what a proposal has that it does not take."""

import pytest

from conformance.crypto import CryptoError
from conformance.ike.core.proposals import protocol_of
from conformance.wire import Encr, KeMethod, ProtocolID, Transform
from peers.algorithms import ALL, MUSTS, Algorithms, Limits, complete, computable, written
from peers.libreswan import algorithms as libreswan
from peers.places.place import DataPlane
from peers.strongswan import algorithms as strongswan
from peers.strongswan.translate import child as strongswan_child
from tests.peers.connections import child_view

ROUTER = Algorithms(
    ike=("aes256gcm16-prfsha384-ecp384", "aes256-aes128-sha256-modp2048-ecp256"), esp=("aes256-sha256",), ah=("sha256",)
)
ANSWER = {
    "encryption": {"AES_CBC": b"openssl", "3DES_CBC": b"openssl"},
    "aead": {"AES_GCM_16": b"openssl", "CHACHA20_POLY1305": b"openssl"},
    "integrity": {"HMAC_SHA2_256_128": b"openssl", "AES_XCBC_96": b"xcbc"},
    "prf": {"PRF_HMAC_SHA2_256": b"openssl", "PRF_AES128_XCBC": b"xcbc"},
    "dh": {"CURVE_25519": b"openssl", "ECP_256_BP": b"openssl", "MODP_2048": b"openssl"},
}


@pytest.mark.parametrize(
    ("text", "protocol", "lacks"),
    [
        ("aes256-sha256-ecp256", ProtocolID.IKE, ""),
        ("aes128-aes256-sha256-ecp256-modp2048", ProtocolID.IKE, ""),
        ("aes256-sha256-ecp384", ProtocolID.IKE, "the combination aes256-sha256-ecp384"),
        ("aes256-sha512-ecp256", ProtocolID.IKE, "sha512"),
        ("aes192-prfsha512-sha256-x25519", ProtocolID.IKE, "aes192 and prfsha512 and x25519"),
        ("aes256-sha256", ProtocolID.ESP, ""),
        ("aes256-sha256-ecp256", ProtocolID.ESP, ""),
        ("aes256-sha256-ecp521", ProtocolID.ESP, "ecp521"),
        ("aes256-sha256-esn", ProtocolID.ESP, "esn"),
        ("aes256gcm16", ProtocolID.ESP, "aes256gcm16"),
        ("sha256", ProtocolID.AH, ""),
        ("sha1", ProtocolID.AH, "sha1"),
    ],
)
def test_what_a_device_lacks(text: str, protocol: ProtocolID, lacks: str) -> None:
    assert ROUTER.lacks(text, protocol) == lacks


def test_suites_like_another_one() -> None:
    first, second = (written(one) for one in ROUTER.suites())
    assert (first, second) == ("aes256gcm16-prfsha384-ecp384", "aes256-sha256-modp2048")
    like = tuple(Transform.of(one) for one in (KeMethod.ECP_256,))
    assert [written(one) for one in ROUTER.suites(like=like)][1] == "aes256-sha256-ecp256"
    long = Transform.of(Encr.AES_CBC, key_length=256)
    short = [written(one) for one in ROUTER.suites(fits=lambda one: one != long)]
    assert short == ["aes256gcm16-prfsha384-ecp384", "aes128-sha256-modp2048"]


def test_a_separate_integrity_algorithm_brings_its_prf() -> None:
    every = ALL.suites(fits=lambda one: one.id != Encr.AES_GCM_16)
    assert "aes128-sha256-x25519" in [written(one) for one in every]


def test_limits() -> None:
    limits = Limits(ike=("aes128-sha256-ecp256",), esp=("aes256-sha256",))
    found = ROUTER.within(limits)
    assert (found.ike, found.esp, found.ah) == (limits.ike, limits.esp, ROUTER.ah)
    with pytest.raises(CryptoError, match="does not take x25519 for IKE"):
        ROUTER.within(Limits(ike=("aes128-sha256-x25519",)))


def test_what_two_have_in_common() -> None:
    other = Algorithms(("aes128-aes192-sha256-ecp256-x25519",), ("aes128-aes256-sha256-noesn-esn",), ("sha256-sha1",))
    found = ROUTER.common(other)
    assert found.ike == ("aes128-sha256-ecp256",)
    assert (found.esp, found.ah) == (("aes256-sha256",), ("sha256",))


@pytest.mark.parametrize(
    ("text", "protocol", "complaint"),
    [
        ("aes128-aes128gcm16-sha256-x25519", ProtocolID.IKE, "with and without integrity of their own"),
        ("aes128gcm16-prfsha256", ProtocolID.IKE, "no key exchange method"),
        ("aes128gcm16-sha256-x25519", ProtocolID.IKE, "sha256, which has no place in IKE with such a cipher"),
        ("aes128", ProtocolID.ESP, "no integrity algorithm"),
        ("aes128-sha256-prfsha256", ProtocolID.ESP, "prfsha256, which has no place in ESP"),
        ("esn", ProtocolID.AH, "no integrity algorithm"),
    ],
)
def test_what_is_no_suite(text: str, protocol: ProtocolID, complaint: str) -> None:
    with pytest.raises(CryptoError, match=complaint):
        complete(text, protocol)


def test_what_is_demanded_of_everybody_is_complete() -> None:
    for one in (ALL, MUSTS, ROUTER, libreswan.TAKEN):
        for text, protocol in Limits(one.ike, one.esp, one.ah).named:
            complete(text, protocol)
    assert all(computable(one) for one in MUSTS.transforms(ProtocolID.IKE))


@pytest.mark.parametrize("section", ["dh", "ke"])
def test_strongswan_is_asked(section: str) -> None:
    answer = {section if name == "dh" else name: found for name, found in ANSWER.items()}
    found = strongswan.taken(answer, DataPlane.KERNEL, esn=True)
    groups = "x25519-modp2048-ecp256bp"
    assert found.ike == (
        f"aes128gcm16-aes256gcm16-chacha20poly1305-aes192gcm16-prfsha256-prfaesxcbc-{groups}",
        f"aes128-aes256-aes192-3des-sha256-aesxcbc-{groups}",
    )
    assert "aes128ccm16" in found.esp[0], "the kernel has its own ciphers"
    assert found.ah == ("sha256-aesxcbc-noesn-esn",)


def test_strongswan_in_user_space_has_its_own_ciphers() -> None:
    found = strongswan.taken(ANSWER, DataPlane.LIBIPSEC, esn=False)
    assert found.esp == (
        "aes128gcm16-aes256gcm16-chacha20poly1305-aes192gcm16",
        "aes128-aes256-aes192-3des-sha256-aesxcbc",
    )


def test_libreswan_has_words_for_what_it_takes() -> None:
    assert libreswan.ike(libreswan.TAKEN.ike).count(";") == len(libreswan.TAKEN.ike)
    for text in (*libreswan.TAKEN.esp, *libreswan.TAKEN.ah):
        assert libreswan.child((text,))["esn"] == "either"
    assert strongswan_child(child_view(proposals=libreswan.TAKEN.esp))["esp_proposals"] == list(libreswan.TAKEN.esp)
    assert {protocol_of(text) for text in libreswan.TAKEN.ah} == {ProtocolID.AH}
