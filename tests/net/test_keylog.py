"""The key logs are right when an independent decoder decrypts with them; their exact text is fixed besides."""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest

from conformance.crypto.cipher import Cipher, cipher
from conformance.net import Address, Datagram
from conformance.net.keylog import esp_line, ike_line, tshark_options
from conformance.net.pcapng import PcapngWriter
from conformance.wire import Encr, Integ

SPI_I, SPI_R = bytes(range(1, 9)), bytes(range(0x11, 0x19))
OURS, DEVICE = "10.91.0.1", "10.91.0.2"
SHA2 = Integ.HMAC_SHA2_256_128

Choice = tuple[Encr, int | None, Integ]

CHECKED: list[Choice] = [
    *[(encr, bits, Integ.NONE) for encr in (Encr.AES_GCM_16, Encr.AES_GCM_8, Encr.AES_CCM_8) for bits in (128, 256)],
    *[(Encr.AES_CBC, bits, SHA2) for bits in (128, 192, 256)],
    *[(Encr.AES_CTR, bits, SHA2) for bits in (128, 256)],
    *[(Encr.AES_CBC, 128, integ) for integ in (Integ.HMAC_SHA1_96, Integ.HMAC_SHA2_384_192, Integ.HMAC_SHA2_512_256)],
    (Encr.TRIPLE_DES, None, Integ.HMAC_SHA1_96),
]
UNCHECKED: list[Choice] = [(Encr.AES_CBC, 128, Integ.AES_XCBC_96), (Encr.AES_CBC, 128, Integ.AES_CMAC_96)]


@dataclass(frozen=True, slots=True)
class Keys:
    scheme: Cipher
    encryption: bytes
    integrity: bytes

    @classmethod
    def of(cls, encr: Encr, bits: int | None, integ: Integ) -> "Keys":
        scheme = cipher(encr, bits, integ)
        return cls(scheme, bytes(range(scheme.key_size)), bytes(range(64, 64 + scheme.integ_key_size)))

    def seal(self, header: bytes, plaintext: bytes) -> bytes:
        scheme = self.scheme
        iv = bytes(range(0xA0, 0xA0 + scheme.iv_size))
        return iv + scheme.keyed(self.encryption, self.integrity).seal(iv, plaintext, header)


def ike_request(keys: Keys) -> bytes:
    """A protected INFORMATIONAL request with N(INITIAL_CONTACT)."""
    scheme = keys.scheme
    notify = struct.pack("!BBHBBH", 0, 0, 8, 0, 0, 16384)
    padding = -(len(notify) + 1) % scheme.block_size
    plaintext = notify + bytes(padding) + bytes([padding])
    size = scheme.iv_size + len(plaintext) + scheme.icv_size
    header = SPI_I + SPI_R + struct.pack("!BBBBII", 46, 0x20, 37, 0x08, 2, 28 + 4 + size)
    header += struct.pack("!BBH", 41, 0, 4 + size)
    return header + keys.seal(header, plaintext)


def esp_packet(keys: Keys, spi: bytes) -> bytes:
    """An ESP packet that carries UDP port 7 with the text `inside`."""
    inner = struct.pack("!HHHH", 7, 7, 14, 0) + b"inside"
    inner = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 34, 0, 0, 64, 17, 0, bytes(4), bytes(4)) + inner
    padding = -(len(inner) + 2) % max(4, keys.scheme.block_size)
    header = spi + struct.pack("!I", 1)
    return header + keys.seal(header, inner + bytes(range(1, padding + 1)) + bytes([padding, 4]))


def decoded(path: Path, payload: bytes, options: list[str]) -> str:
    if which("tshark") is None:
        pytest.skip("tshark is not installed")
    with PcapngWriter(path) as writer:
        writer.datagram(0.0, Datagram(Address(OURS, 4500), Address(DEVICE, 4500), payload))
    done = subprocess.run(["tshark", "-r", str(path), "-V", *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def line_for(keys: Keys) -> str | None:
    scheme = keys.scheme
    other_e, other_a = bytes(scheme.key_size), bytes(scheme.integ_key_size)
    return ike_line(
        SPI_I, SPI_R, keys.encryption, other_e, keys.integrity, other_a, scheme.encr, scheme.key_bits, scheme.integ
    )


@pytest.mark.parametrize(("encr", "bits", "integ"), CHECKED + UNCHECKED, ids=str)
def test_tshark_decrypts_ike(tmp_path: Path, encr: Encr, bits: int | None, integ: Integ) -> None:
    keys = Keys.of(encr, bits, integ)
    line = line_for(keys)
    assert line is not None
    text = decoded(tmp_path / "x.pcapng", bytes(4) + ike_request(keys), tshark_options([line], []))
    assert "INITIAL_CONTACT" in text
    if (encr, bits, integ) in CHECKED:
        assert "[correct]" in text


@pytest.mark.parametrize(
    ("encr", "bits", "integ"), [one for one in CHECKED if one[0] is not Encr.AES_CCM_8] + UNCHECKED, ids=str
)
def test_tshark_decrypts_esp(tmp_path: Path, encr: Encr, bits: int | None, integ: Integ) -> None:
    keys, spi = Keys.of(encr, bits, integ), b"\xc1\x02\x03\x04"
    line = esp_line(OURS, DEVICE, spi, encr, keys.encryption, integ, keys.integrity)
    assert line is not None
    text = decoded(tmp_path / "x.pcapng", esp_packet(keys, spi), tshark_options([], [line]))
    assert "696e73696465" in text and "Src Port: 7" in text
    if (encr, bits, integ) in CHECKED:
        assert "[Good: True]" in text or "[correct]" in text


def test_the_lines_are_exact() -> None:
    key = bytes.fromhex("00" * 16 + "aabbccdd")
    line = ike_line(SPI_I, SPI_R, key, key, b"", b"", Encr.AES_GCM_16, 128, Integ.NONE)
    expected = f'0102030405060708,1112131415161718,{key.hex()},{key.hex()},"AES-GCM-128 with 16 octet ICV [RFC5282]",,,'
    assert line == expected + '"NONE [RFC4306]"'
    line = esp_line("2001:db8::1", "2001:db8::2", b"\0\0\1\2", Encr.AES_CBC, b"\1\2", SHA2, b"\3\4")
    assert line == (
        '"IPv6","2001:db8::1","2001:db8::2","0x00000102","AES-CBC [RFC3602]","0x0102",'
        '"HMAC-SHA-256-128 [RFC4868]","0x0304"'
    )


def test_what_wireshark_cannot_decrypt_has_no_line() -> None:
    for encr, bits in ((Encr.CHACHA20_POLY1305, None), (Encr.CAMELLIA_CBC, 128), (Encr.AES_CBC, 64), (Encr(4711), 128)):
        assert ike_line(SPI_I, SPI_R, b"k", b"k", b"", b"", encr, bits, Integ.NONE) is None
    assert ike_line(SPI_I, SPI_R, b"k", b"k", b"a", b"a", Encr.AES_CBC, 128, Integ.AES_128_GMAC) is None
    for encr in (Encr.CHACHA20_POLY1305, Encr.AES_CCM_16, Encr.NULL_AUTH_AES_GMAC):
        assert esp_line(OURS, DEVICE, bytes(4), encr, b"k", Integ.NONE, b"") is None
