"""Whole ESP packets that RFCs and drafts print."""

from collections.abc import Callable

import pytest

from conformance.crypto.suite import ChildSuite, proposal
from conformance.ike.core.connection import Mode
from conformance.ipsec import esp
from conformance.ipsec.esp import EspBend
from conformance.ipsec.packets import protect, unprotect
from conformance.ipsec.sad import InboundSa, OutboundSa, Sad, SaParameters
from conformance.wire import ProtocolID


def fixed(octets: bytes) -> Callable[[int], bytes]:
    return lambda size: octets[:size]


def sa(words: str, spi: str, key: str, **fields: object) -> SaParameters:
    suite = ChildSuite.of(proposal(words, 1, ProtocolID.ESP))
    return SaParameters(bytes.fromhex(spi), suite, bytes.fromhex(key), b"", **fields)  # type: ignore[arg-type]


PING = "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"

# RFC 3602, section 4, cases 5 to 8: AES-CBC without integrity. Mode, SPI, key, sequence number, IV, the identification
# that the outer header has, original packet, packet on the wire.
RFC_3602 = [
    (
        Mode.TRANSPORT,
        "00004321",
        "90d382b410eeba7ad938c46cec1a82bf",
        1,
        "e96e8c08ab465763fd098d45dd3ff893",
        "4500005408f200004001f9fec0a87b03c0a87b6408000ebda70a00008e9c083db95b0700" + PING,
        "4500007c08f200004032f9a5c0a87b03c0a87b640000432100000001e96e8c08ab465763fd098d45dd3ff893"
        "f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856"
        "a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874a"
        "a269add047ad2d5913ac19b7cfbad4a6",
    ),
    (
        Mode.TRANSPORT,
        "00004321",
        "90d382b410eeba7ad938c46cec1a82bf",
        8,
        "69d08df7d203329db093fc4924e5bd80",
        "4500003008fe00004001fa16c0a87b03c0a87b640800b5e8a80a0500a69c083d0b660e00777777777777777777777777",
        "4500004c08fe00004032f9c9c0a87b03c0a87b64000043210000000869d08df7d203329db093fc4924e5bd80"
        "f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75",
    ),
    (
        Mode.TUNNEL,
        "00008765",
        "0123456789abcdef0123456789abcdef",
        2,
        "f4e765244f6407adf13dc1380f673f37",
        "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a20400" + PING,
        "4500008c090500004032f91ec0a87b03c0a87bc80000876500000002f4e765244f6407adf13dc1380f673f37"
        "773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8"
        "e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5"
        "c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d",
    ),
    (
        Mode.TUNNEL,
        "00008765",
        "0123456789abcdef0123456789abcdef",
        5,
        "85d47224b5f3dd5d2101d4ea8dffab22",
        "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300" + "ff" * 32,
        "4500007c090d00004032f926c0a87b03c0a87bc8000087650000000585d47224b5f3dd5d2101d4ea8dffab22"
        "15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb5"
        "0f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3"
        "d2726d9b5ef6affc6d17a0decbb13892",
    ),
]


@pytest.mark.parametrize(("mode", "spi", "key", "sequence", "iv", "original", "wire"), RFC_3602)
def test_rfc_3602(mode: Mode, spi: str, key: str, sequence: int, iv: str, original: str, wire: str) -> None:
    packet, expected = bytes.fromhex(original), bytes.fromhex(wire)
    ends = {
        "source": "192.168.123.3",
        "destination": "192.168.123.100" if mode == Mode.TRANSPORT else "192.168.123.200",
    }
    parameters = sa("aes128-noauth", spi, key, mode=mode, **ends)
    sender = OutboundSa(parameters)
    sender.sequence = sequence - 1
    identification = int.from_bytes(expected[4:6], "big")
    assert protect(sender, packet, fixed(bytes.fromhex(iv)), identification=identification) == expected
    sad = Sad()
    sad.add(InboundSa(parameters))
    received = unprotect(sad, expected)
    assert (received.packet, received.sequence) == (packet, sequence)


def test_rfc_7634_appendix_a() -> None:
    packet = bytes.fromhex("45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec1000073627" + PING)
    wire = bytes.fromhex(
        "4500008c234500004032de5bcb007199cb0071050102030400000005"
        "1011121314151617240394 28b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
        "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
        "cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43"
    )
    key = bytes(range(0x80, 0xA4)).hex()
    parameters = sa("chacha20poly1305", "01020304", key, source="203.0.113.153", destination="203.0.113.5")
    sender = OutboundSa(parameters)
    sender.sequence = 4
    bend = EspBend(iv=bytes.fromhex("1011121314151617"))
    assert protect(sender, packet, fixed(b""), identification=0x2345, bend=bend) == wire
    sad = Sad()
    sad.add(InboundSa(parameters))
    assert unprotect(sad, wire).packet == packet


# draft-mcgrew-gcm-test-01, section 4: key and salt, SPI, sequence number, IV, plaintext with trailer, ciphertext | ICV.
GCM = [
    (
        "aes128gcm16-esn",
        "4c80cdefbb5d10da906ac73c3613a6342e443b68",
        "00004321",
        0x8765432100000000,
        "4956ed7e3b244cfe",
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
        "00000000045f736970045f756470037369700963796265726369747902646b00"
        "0021000101020201",
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
        "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
        "61bc17d768fd9732459018148f6cbe722fd04796562dfdb4",
    ),
    (
        "aes192gcm16",
        "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe",
        "0000a5f8",
        10,
        "facedbaddecaf888",
        "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001",
        "a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc77"
        "95457b9652037f5318027b5b4cd7a636",
    ),
]


@pytest.mark.parametrize(("words", "key", "spi", "sequence", "iv", "plaintext", "sealed"), GCM)
def test_gcm(words: str, key: str, spi: str, sequence: int, iv: str, plaintext: str, sealed: str) -> None:
    text = bytes.fromhex(plaintext)
    payload = text[: -2 - text[-2]]
    parameters = sa(words, spi, key)
    bend = EspBend(sequence=sequence, iv=bytes.fromhex(iv))
    packet = esp.encapsulate(OutboundSa(parameters), text[-1], payload, fixed(b""), bend=bend)
    assert packet.hex() == spi + (sequence & 0xFFFFFFFF).to_bytes(4, "big").hex() + iv + sealed
    receiver = InboundSa(parameters)
    assert receiver.window is not None
    receiver.window.top = max(sequence - 1, 0)
    assert esp.decapsulate(receiver, packet) == esp.Decapsulated(sequence, text[-1], payload)
