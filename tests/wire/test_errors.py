"""Each broken structure is reported at its place, with what was found and what was expected."""

from __future__ import annotations

import pytest

from conformance.wire import (
    UnknownPayload,
    WireError,
    decode_message,
    decode_payloads,
    encode_message,
)

CASES = {
    "payload header cut short": (40, "00 00 00", "offset 28: Nonce: 3 bytes left, expected a payload header"),
    "payload missing": (40, "", "offset 28: Nonce: 0 bytes left, expected a payload header"),
    "payload length below 4": (40, "00 00 00 03", "offset 30: Nonce.length: 3, expected at least 4"),
    "payload too long": (40, "00 00 00 09 01", "offset 30: Nonce.length: 9, expected at most the 5 bytes left"),
    "second payload": (40, "28 00 00 04 00 00 00 02", "offset 34: Nonce.length: 2, expected at least 4"),
    "bytes after the last": (
        40,
        "00 00 00 04 ff",
        "offset 32: payloads: 1 bytes after the last payload, expected none",
    ),
    "bytes after SK": (
        46,
        "21 00 00 04 00 00 00 04",
        "offset 32: payloads: 4 bytes after the last payload, expected none",
    ),
    "bytes but no payload": (0, "00", "offset 28: payloads: 1 bytes after the last payload, expected none"),
    "proposal cut short": (33, "00000006 0000", "offset 32: SA.proposal[0]: 2 bytes left, expected at least 8"),
    "proposal length": (
        33,
        "0000000c 0000 0007 01 01 00 00",
        "offset 34: SA.proposal[0].length: 7, expected at least 8",
    ),
    "proposal too long": (
        33,
        "0000000c 0000 0009 01 01 00 00",
        "offset 34: SA.proposal[0].length: 9, expected at most the 8 bytes left",
    ),
    "last proposal says more": (33, "0000000c 0200 0008 01 01 00 00", "offset 32: SA.proposal[0].last: 2, expected 0"),
    "first proposal says last": (
        33,
        "00000014 0000 0008 01 01 00 00 0000 0008 02 01 00 00",
        "offset 32: SA.proposal[0].last: 0, expected 2",
    ),
    "proposal SPI size": (
        33,
        "0000000c 0000 0008 01 01 08 00",
        "offset 38: SA.proposal[0].spi_size: 8, expected at most the 0 bytes left",
    ),
    "number of transforms": (
        33,
        "00000014 0000 0010 01 01 00 02 00000008 01000014",
        "offset 39: SA.proposal[0].transform_count: 2, expected 1, the transforms there are",
    ),
    "second transform, after an SPI": (
        33,
        "00000020 0000 001c 01 03 04 02 aabbccdd 03000008 01000014 00000003 05000000",
        "offset 54: SA.proposal[0].transform[1].length: 3, expected at least 8",
    ),
    "transform's last": (
        33,
        "00000014 0000 0010 01 01 00 01 01000008 01000014",
        "offset 40: SA.proposal[0].transform[0].last: 1, expected 0",
    ),
    "attribute cut short": (
        33,
        "00000017 0000 0013 01 01 00 01 0000000b 01000014 800e00",
        "offset 48: SA.proposal[0].transform[0].attribute[0]: 3 bytes left, expected at least 4",
    ),
    "attribute too long": (
        33,
        "0000001c 0000 0018 01 01 00 01 00000010 01000014 800e0080 00120001",
        "offset 54: SA.proposal[0].transform[0].attribute[1].length: 1, expected at most the 0 bytes left",
    ),
    "KE": (34, "00000007 001f00", "offset 32: KE.method: 3 bytes left, expected at least 4"),
    "IDi": (35, "00000004", "offset 32: IDi.id_type: 0 bytes left, expected at least 4"),
    "IDr": (36, "00000006 0200", "offset 32: IDr.id_type: 2 bytes left, expected at least 4"),
    "CERT": (37, "00000004", "offset 32: CERT.encoding: 0 bytes left, expected at least 1"),
    "CERTREQ": (38, "00000004", "offset 32: CERTREQ.encoding: 0 bytes left, expected at least 1"),
    "AUTH": (39, "00000005 02", "offset 32: AUTH.method: 1 bytes left, expected at least 4"),
    "N": (41, "00000007 000040", "offset 32: N.protocol: 3 bytes left, expected at least 4"),
    "N SPI size": (41, "00000009 03044009 aa", "offset 33: N.spi_size: 4, expected at most the 1 bytes left"),
    "D": (42, "00000006 0304", "offset 32: D.protocol: 2 bytes left, expected at least 4"),
    "D count": (
        42,
        "0000000c 03040002 aabbccdd",
        "offset 34: D.count: 2 SPIs of 4 bytes, expected 4 bytes of SPIs",
    ),
    "TSi": (44, "00000006 0100", "offset 32: TSi.count: 2 bytes left, expected at least 4"),
    "TSr count": (45, "00000008 01000000", "offset 32: TSr.count: 1, expected 0, the selectors there are"),
    "selector cut short": (
        44,
        "0000000a 01000000 0700",
        "offset 36: TSi.selector[0]: 2 bytes left, expected at least 4",
    ),
    "selector length": (
        44,
        "00000018 01000000 0700000f 0000ffff 0a000001 0a000001",
        "offset 38: TSi.selector[0].length: 15, expected 16",
    ),
    "selector too long": (
        44,
        "0000000c 01000000 07000010",
        "offset 38: TSi.selector[0].length: 16, expected at most the 4 bytes left",
    ),
    "unknown selector length": (
        44,
        "0000000c 01000000 0b000003",
        "offset 38: TSi.selector[0].length: 3, expected at least 4",
    ),
    "CP": (47, "00000005 01", "offset 32: CP.cfg_type: 1 bytes left, expected at least 4"),
    "CP attribute": (47, "0000000a 01000000 0001", "offset 36: CP.attribute[0]: 2 bytes left, expected at least 4"),
    "CP attribute length": (
        47,
        "00000010 01000000 00010000 00030001",
        "offset 42: CP.attribute[1].length: 1, expected at most the 0 bytes left",
    ),
    "EAP": (48, "00000007 010200", "offset 32: EAP.packet.code: 3 bytes left, expected at least 4"),
    "EAP length": (48, "00000008 01020005", "offset 34: EAP.packet.length: 5, expected 4"),
    "SKF": (53, "23000007 000100", "offset 32: SKF.fragment_number: 3 bytes left, expected 4"),
}


def framed(first: int, content: bytes) -> bytes:
    return bytes(16) + bytes([first, 0x20, 34, 8]) + bytes(4) + (28 + len(content)).to_bytes(4, "big") + content


@pytest.mark.parametrize("name", CASES)
def test_the_place_and_the_problem(name: str) -> None:
    first, content, expected = CASES[name]
    with pytest.raises(WireError) as caught:
        decode_message(framed(first, bytes.fromhex(content)))
    assert str(caught.value) == expected


@pytest.mark.parametrize("name", CASES)
def test_a_lenient_decoder_keeps_it_as_it_came(name: str) -> None:
    first, content, _ = CASES[name]
    data = framed(first, bytes.fromhex(content))
    assert encode_message(decode_message(data, lenient=True)) == data


def test_the_length_of_the_header_is_the_size_of_the_datagram() -> None:
    data = framed(0, b"")
    for wrong in (data[:27] + b"\x1d", data[:27] + b"\x1b", data + b"\0"):
        with pytest.raises(WireError) as caught:
            decode_message(wrong)
        assert str(caught.value) == (
            f"offset 24: header.length: {wrong[27]}, expected {len(wrong)}, the size of the datagram"
        )
        assert decode_message(wrong, lenient=True).length == wrong[27]


def test_errors_inside_an_encrypted_payload_count_from_where_it_starts() -> None:
    with pytest.raises(WireError) as caught:
        decode_payloads(40, bytes.fromhex("29000004 00000007 000040"), offset=500)
    assert (caught.value.offset, caught.value.field) == (508, "N.protocol")


def test_a_malformed_payload_does_not_hide_the_others() -> None:
    data = framed(40, bytes.fromhex("22000005aa 2900000500 0000000800004004"))
    nonce, ke, notify = decode_message(data, lenient=True).payloads
    assert (nonce.payload_type, notify.payload_type) == (40, 41)
    assert ke == UnknownPayload(34, b"\0")


def test_an_error_is_an_exception_with_parts() -> None:
    error = WireError(44, "transform[1].length", "3, expected at least 8").within("SA.proposal[0]", 12)
    assert (error.offset, error.field, error.problem) == (
        56,
        "SA.proposal[0].transform[1].length",
        "3, expected at least 8",
    )
    assert isinstance(error, Exception)
