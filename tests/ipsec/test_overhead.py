"""Sizes: the arithmetic against packets that were made, and against tables and examples that others worked out.

The tables are those of chapter 15 of "IKEv2 IPsec Virtual Private Networks" (Bartlett, Inamdar).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.crypto.cipher import cipher
from conformance.ike.core.connection import Mode
from conformance.ipsec import ah
from conformance.ipsec.overhead import Encapsulation, Gre
from conformance.ipsec.packets import protect
from conformance.ipsec.sad import OutboundSa
from conformance.wire import Encr, Integ, ProtocolID
from tests.ipsec.making import AH_SUITES, ESP_SUITES, HERE, HERE6, THERE, THERE6, parameters, ping, ping6, random

AES_SHA1 = Encapsulation(cipher(Encr.AES_CBC, 128, Integ.HMAC_SHA1_96))
NULL = {integ: cipher(Encr.NULL, None, integ) for integ in Integ if integ in (1, 2, 5, 8, 12, 13, 14)}


@given(
    st.sampled_from([*((each, ProtocolID.ESP) for each in ESP_SUITES), *((each, ProtocolID.AH) for each in AH_SUITES)]),
    st.sampled_from(Mode),
    st.sampled_from([4, 6]),
    st.booleans(),
    st.sampled_from([0, 150]),
    st.integers(0, 1400),
)
def test_sizes_are_those_of_packets(
    chosen: tuple[str, ProtocolID], mode: Mode, version: int, udp: bool, tfc: int, size: int
) -> None:
    words, protocol = chosen
    source, destination = (HERE, THERE) if version == 4 else (HERE6, THERE6)
    sa = OutboundSa(
        parameters(
            words,
            protocol,
            mode=mode,
            source=source,
            destination=destination,
            udp=(4500, 4500) if udp and protocol == ProtocolID.ESP else None,
            tfc=tfc,
        )
    )
    inner = ping(size) if version == 4 else ping6(size)
    assert Encapsulation.of(sa).size(len(inner)) == len(protect(sa, inner, random))


@given(st.sampled_from(ESP_SUITES), st.sampled_from(Mode), st.sampled_from([4, 6]), st.integers(200, 9000))
def test_largest_is_the_largest(words: str, mode: Mode, version: int, mtu: int) -> None:
    one = Encapsulation(parameters(words).suite.cipher, mode, version)
    largest = one.largest(mtu)
    assert one.size(largest) <= mtu < one.size(largest + 1)
    assert one.overhead(largest) <= one.worst


@pytest.mark.parametrize(
    ("plain", "encrypted", "overhead"),
    [
        (1421, 1480, 59),
        (1422, 1480, 58),
        (1423, 1496, 73),
        (1430, 1496, 66),
        (1431, 1496, 65),
        (1438, 1496, 58),
        (1439, 1512, 73),
        (1440, 1512, 72),
    ],
)
def test_tunnel_with_aes_cbc_and_sha1(plain: int, encrypted: int, overhead: int) -> None:
    """Table 15-6."""
    assert (AES_SHA1.size(plain), AES_SHA1.overhead(plain)) == (encrypted, overhead)


def test_plaintext_mtu_of_aes_cbc_and_sha1() -> None:
    """1438 fits from 1496 to 1511; a path of 1400 carries 1342, which an IOS device showed for its SA."""
    assert [AES_SHA1.largest(mtu) for mtu in (1495, 1496, 1500, 1511, 1512)] == [1422, 1438, 1438, 1438, 1454]
    assert AES_SHA1.largest(1400) == 1342
    assert 1500 - AES_SHA1.worst == 1427


def test_example_1_the_worst_case_starts_at_31_octets() -> None:
    assert AES_SHA1.worst == 20 + 10 + 15 + 16 + 12 == 73
    assert [size for size in range(20, 48) if AES_SHA1.overhead(size) == 73] == [31, 47]


def test_example_2_gre_in_transport_mode_under_ipv6() -> None:
    gcm = cipher(Encr.AES_GCM_16, 256)
    assert Encapsulation(gcm, Mode.TRANSPORT, 6, gre=Gre(6, key=True)).worst == 48 + 10 + 24 + 3 == 85


def test_gre_headers() -> None:
    """24 octets at least, 56 at most with the IP header that delivers it; in tunnel mode another IP header comes."""
    assert Gre().size + 20 == 24
    assert Gre(6, key=True, checksum=True, sequence=True).size + 40 == 56
    gcm = cipher(Encr.AES_GCM_16, 128)
    transport, tunnel = Encapsulation(gcm, Mode.TRANSPORT, gre=Gre()), Encapsulation(gcm, gre=Gre())
    assert tunnel.worst - transport.worst == 20
    assert transport.size(1400) == 20 + 8 + 8 + 4 + 1400 + 2 + 2 + 16


@pytest.mark.parametrize(
    ("encr", "bits", "padding", "output"),
    [
        (Encr.NULL, None, 3, 0),
        (Encr.TRIPLE_DES, None, 7, 8),
        (Encr.AES_CBC, 128, 15, 16),
        (Encr.AES_GCM_16, 128, 3, 24),
        (Encr.AES_CCM_16, 128, 3, 24),
        (Encr.NULL_AUTH_AES_GMAC, 128, 3, 24),
        # The book gives AES-CTR the IV and the padding of CBC; RFC 3686, sections 3.1 and 3.2, say 8 and none.
        (Encr.AES_CTR, 256, 3, 8),
        (Encr.AES_GCM_16_IIV, 128, 3, 16),
        (Encr.CHACHA20_POLY1305, None, 3, 24),
    ],
)
def test_worst_case_of_a_cipher(encr: Encr, bits: int | None, padding: int, output: int) -> None:
    """Table 15-7."""
    one = Encapsulation(cipher(encr, bits))
    assert one.worst == 20 + 10 + padding + output
    assert Encapsulation(cipher(encr, bits), version=6).worst == one.worst + 20
    assert Encapsulation(cipher(encr, bits), udp=True).worst == one.worst + 8


@pytest.mark.parametrize(
    ("integ", "icv"),
    [
        (Integ.HMAC_MD5_96, 12),
        (Integ.HMAC_SHA1_96, 12),
        (Integ.AES_XCBC_96, 12),
        (Integ.AES_CMAC_96, 12),
        (Integ.HMAC_SHA2_256_128, 16),
        (Integ.HMAC_SHA2_384_192, 24),
        (Integ.HMAC_SHA2_512_256, 32),
    ],
)
def test_icv_sizes(integ: Integ, icv: int) -> None:
    """Table 15-4. What the integrity algorithm adds to ESP is its ICV and nothing else."""
    assert Encapsulation(NULL[integ]).worst == 20 + 10 + 3 + icv


@pytest.mark.parametrize(
    ("integ", "ipv4", "ipv6"),
    [
        (Integ.HMAC_SHA1_96, 24, 24),
        (Integ.HMAC_SHA2_256_128, 28, 32),
        (Integ.HMAC_SHA2_384_192, 36, 40),
        (Integ.HMAC_SHA2_512_256, 44, 48),
    ],
)
def test_size_of_ah(integ: Integ, ipv4: int, ipv6: int) -> None:
    """RFC 4302, section 3.3.3.2.1: 96 bits need no padding. The book pads the ICV alone, without the 12 octets."""
    icv = NULL[integ].icv_size
    assert (ah.header_size(icv, 4), ah.header_size(icv, 6)) == (ipv4, ipv6)
    one = Encapsulation(NULL[integ], Mode.TRANSPORT, 6, ProtocolID.AH)
    assert one.overhead(100) == ipv6 and one.size(one.largest(1500)) == 1500


def test_nothing_fits() -> None:
    assert AES_SHA1.largest(60) == 0
    assert Encapsulation(cipher(Encr.AES_GCM_16, 128), tfc=2000).largest(1500) == 0
