"""Keywords, proposals and suites."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.crypto import CryptoError, UnsupportedAlgorithm
from conformance.crypto.suite import ChildSuite, IkeSuite, keywords, proposal, transforms
from conformance.wire import (
    Attribute,
    AttributeType,
    Encr,
    Esn,
    Integ,
    KeMethod,
    Prf,
    Proposal,
    ProtocolID,
    Transform,
    TransformType,
)

ESP, AH = ProtocolID.ESP, ProtocolID.AH


def test_transforms_of_keywords_in_their_order() -> None:
    assert transforms("x25519-aes128gcm16-prfsha256") == (
        Transform(TransformType.KE, KeMethod.CURVE25519),
        Transform(TransformType.ENCR, Encr.AES_GCM_16, (Attribute(AttributeType.KEY_LENGTH, 128),)),
        Transform(TransformType.PRF, Prf.HMAC_SHA2_256),
    )


@pytest.mark.parametrize(
    ("word", "encr", "bits"),
    [
        ("aes128", Encr.AES_CBC, 128),
        ("aes", Encr.AES_CBC, 128),
        ("aes192ctr", Encr.AES_CTR, 192),
        ("aes256gcm16", Encr.AES_GCM_16, 256),
        ("aes256gcm", Encr.AES_GCM_16, 256),
        ("aes128gcm96", Encr.AES_GCM_12, 128),
        ("aes128gcm8", Encr.AES_GCM_8, 128),
        ("aes128ccm8", Encr.AES_CCM_8, 128),
        ("aes192ccm12", Encr.AES_CCM_12, 192),
        ("aes256ccm128", Encr.AES_CCM_16, 256),
        ("aes128gmac", Encr.NULL_AUTH_AES_GMAC, 128),
        ("camellia256", Encr.CAMELLIA_CBC, 256),
        ("chacha20poly1305", Encr.CHACHA20_POLY1305, None),
        ("3des", Encr.TRIPLE_DES, None),
        ("des", Encr.DES, None),
        ("null", Encr.NULL, None),
        ("AES128", Encr.AES_CBC, 128),
    ],
)
def test_encryption_words(word: str, encr: Encr, bits: int | None) -> None:
    (one,) = transforms(word)
    assert (one.type, one.id, one.key_length) == (TransformType.ENCR, encr, bits)


@pytest.mark.parametrize(
    ("word", "id_"),
    [
        ("md5", Integ.HMAC_MD5_96),
        ("sha1", Integ.HMAC_SHA1_96),
        ("sha256", Integ.HMAC_SHA2_256_128),
        ("sha384", Integ.HMAC_SHA2_384_192),
        ("sha512", Integ.HMAC_SHA2_512_256),
        ("aesxcbc", Integ.AES_XCBC_96),
        ("aescmac", Integ.AES_CMAC_96),
        ("prfmd5", Prf.HMAC_MD5),
        ("prfsha1", Prf.HMAC_SHA1),
        ("prfsha384", Prf.HMAC_SHA2_384),
        ("prfsha512", Prf.HMAC_SHA2_512),
        ("prfaesxcbc", Prf.AES128_XCBC),
        ("prfaescmac", Prf.AES128_CMAC),
        ("modp1024", KeMethod.MODP_1024),
        ("modp2048s256", KeMethod.MODP_2048_256),
        ("ecp521", KeMethod.ECP_521),
        ("ecp256bp", KeMethod.BRAINPOOL_P256R1),
        ("curve448", KeMethod.CURVE448),
        ("mlkem1024", KeMethod.ML_KEM_1024),
        ("esn", Esn.YES),
        ("noesn", Esn.NO),
    ],
)
def test_other_words(word: str, id_: Integ | Prf | KeMethod | Esn) -> None:
    assert transforms(word) == (Transform.of(id_),)


@pytest.mark.parametrize(
    "text", ["aes128-sha257", "sha257", "aes100", "", "aes128--sha256", "ke8_x25519", "ke1_aes128"]
)
def test_a_bad_word_is_named(text: str) -> None:
    with pytest.raises(CryptoError, match="unknown algorithm keyword"):
        transforms(text)
    with pytest.raises(CryptoError, match="'sha257'"):
        transforms("aes128-sha257-modp2048")


@pytest.mark.parametrize("text", ["encr#65536", "encr#1/65536", "prf#99999"])
def test_numbers_that_have_no_room_are_refused(text: str) -> None:
    with pytest.raises(CryptoError, match=text):
        transforms(text)


@pytest.mark.parametrize(
    ("text", "prfs"),
    [
        ("aes128-sha256-modp2048", [Prf.HMAC_SHA2_256]),
        ("aes128-sha1-sha512-modp2048", [Prf.HMAC_SHA1, Prf.HMAC_SHA2_512]),
        ("aes128-md5-modp2048", [Prf.HMAC_MD5]),
        ("aes128-aesxcbc-modp2048", [Prf.AES128_XCBC]),
        ("aes128-aescmac-modp2048", [Prf.AES128_CMAC]),
        ("aes128-sha256-prfsha512-modp2048", [Prf.HMAC_SHA2_512]),
        ("aes128gcm16-prfsha384-ecp384", [Prf.HMAC_SHA2_384]),
    ],
)
def test_prf_of_an_ike_proposal(text: str, prfs: list[Prf]) -> None:
    assert [one.id for one in proposal(text).transforms if one.type == TransformType.PRF] == prfs


def test_combined_mode_needs_a_prf_word_in_ike() -> None:
    with pytest.raises(CryptoError, match="names no pseudorandom function"):
        proposal("aes128gcm16-x25519")
    assert proposal("aes128gcm16-x25519", protocol=ESP).protocol == ESP


def test_proposal_orders_by_type_and_drops_doubles() -> None:
    made = proposal("modp2048-sha256-aes256-aes128-aes256", 3, ProtocolID.IKE, b"12345678")
    assert [one.type for one in made.transforms] == [1, 1, 2, 3, 4]
    assert [one.key_length for one in made.transforms[:2]] == [256, 128]
    assert (made.number, made.protocol, made.spi) == (3, ProtocolID.IKE, b"12345678")


@pytest.mark.parametrize(
    ("text", "esn"),
    [
        ("aes128gcm16", [Esn.NO]),
        ("aes128gcm16-esn", [Esn.YES]),
        ("aes128gcm16-noesn-esn", [Esn.NO, Esn.YES]),
        ("aes128gcm16-esn-noesn", [Esn.YES, Esn.NO]),
    ],
)
def test_sequence_numbers_of_esp(text: str, esn: list[Esn]) -> None:
    made = proposal(text, protocol=ESP)
    assert [one.id for one in made.transforms if one.type == TransformType.ESN] == esn
    assert keywords(made) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("aes128-sha256-modp2048", "aes128-sha256-prfsha256-modp2048"),
        ("aes128gcm128-prfsha256-curve25519", "aes128gcm16-prfsha256-x25519"),
        (
            "aes256gcm16-prfsha384-ecp384-ke1_mlkem768-ke2_none",
            "aes256gcm16-prfsha384-ecp384-ke1_mlkem768-ke2_modpnone",
        ),
        ("encr#1023/77-prf#5-ke#999-ke3_ke#1000", "encr#1023/77-prfsha256-ke#999-ke3_ke#1000"),
        ("encr#12/64-sha256-modp2048", "encr#12/64-sha256-prfsha256-modp2048"),
    ],
)
def test_keywords_are_the_inverse(text: str, canonical: str) -> None:
    assert keywords(proposal(text)) == canonical
    assert proposal(canonical) == proposal(text)


NUMBERS = st.integers(0, 65535)
TRANSFORMS = st.one_of(
    st.builds(Transform.of, NUMBERS.map(Encr), st.none() | NUMBERS),
    st.builds(Transform.of, NUMBERS.map(Prf)),
    st.builds(Transform.of, NUMBERS.map(Integ)),
    st.builds(Transform.of, NUMBERS.map(KeMethod)),
    st.builds(Transform.of, NUMBERS.map(Esn)),
)


@given(st.lists(TRANSFORMS, min_size=1, max_size=6))
def test_every_transform_has_a_word(made: list[Transform]) -> None:
    text = keywords(Proposal(1, ProtocolID.IKE, tuple(made)))
    found = transforms(text) if text else ()
    assert set(found) | {Transform.of(Esn.NO)} == set(made) | {Transform.of(Esn.NO)}


def test_unknown_transform_types_are_shown() -> None:
    assert keywords(Proposal(1, ESP, (Transform(TransformType(240), 7),))) == "type240#7"


def test_ike_suite() -> None:
    suite = IkeSuite.of(proposal("aes256-sha384-modp3072-ke1_mlkem768"))
    assert (suite.encr, suite.key_bits, suite.integ) == (Encr.AES_CBC, 256, Integ.HMAC_SHA2_384_192)
    assert (suite.prf, suite.ke, suite.additional) == (Prf.HMAC_SHA2_384, KeMethod.MODP_3072, (KeMethod.ML_KEM_768,))
    assert (suite.cipher.key_size, suite.cipher.integ_key_size, suite.cipher.icv_size) == (32, 48, 24)
    assert suite.prf_function.key_size == 48
    assert IkeSuite.of(proposal("aes256-sha384-modp3072-ke1_mlkem768")) is suite


@pytest.mark.parametrize(
    ("text", "protocol", "expected"),
    [
        ("aes128gcm16", ESP, (Encr.AES_GCM_16, 128, Integ.NONE, False, KeMethod.NONE)),
        ("aes128-sha256-esn-ecp256", ESP, (Encr.AES_CBC, 128, Integ.HMAC_SHA2_256_128, True, KeMethod.ECP_256)),
        ("aes128-sha1-esn#2", ESP, (Encr.AES_CBC, 128, Integ.HMAC_SHA1_96, False, KeMethod.NONE)),
        ("null-sha256", ESP, (Encr.NULL, None, Integ.HMAC_SHA2_256_128, False, KeMethod.NONE)),
        ("sha256", AH, (Encr.NULL, None, Integ.HMAC_SHA2_256_128, False, KeMethod.NONE)),
    ],
)
def test_child_suite(text: str, protocol: ProtocolID, expected: tuple[Encr, int | None, Integ, bool, KeMethod]) -> None:
    suite = ChildSuite.of(proposal(text, 1, protocol, b"abcd"))
    assert (suite.encr, suite.key_bits, suite.integ, suite.esn, suite.ke) == expected
    assert suite.protocol == protocol
    assert ChildSuite.of(proposal(text, 2, protocol, b"efgh")) is suite


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sha256-modp2048", "type ENCR"),
        ("aes128-sha256", "type KE"),
        ("aes128-aes256-sha256-modp2048", "several transforms"),
        ("encr#12-sha256-modp2048", "needs a Key Length"),
        ("aes128gcm16-sha256-modp2048", "takes no integrity"),
    ],
)
def test_what_is_no_ike_suite(text: str, problem: str) -> None:
    with pytest.raises(CryptoError, match=problem):
        IkeSuite.of(proposal(text))


def test_what_is_no_child_suite() -> None:
    with pytest.raises(CryptoError, match="AH without"):
        ChildSuite.of(proposal("aes128", protocol=AH))
    with pytest.raises(CryptoError, match="type ENCR"):
        ChildSuite.of(proposal("sha256", protocol=ESP))
    with pytest.raises(UnsupportedAlgorithm, match="CAST"):
        ChildSuite.of(proposal("cast128-sha256", protocol=ESP))
