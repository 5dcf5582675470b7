"""Fuzzing by coverage with atheris: ``python -m tests.fuzz.guided decoder -max_total_time=120``.

The parts are ``decoder``, ``eap``, ``esp`` and ``certificates``. What comes behind the part goes to libFuzzer: a folder
of inputs to begin with and to add to, ``-runs=N``, ``-max_total_time=SECONDS``. Without a folder it begins with what
the generators make, in a folder of its own that goes away. It needs ``pip install atheris``, which nothing else does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports(include=["conformance"]) if atheris else ExitStack():
    from conformance.crypto.bundle import certificates_of
    from conformance.crypto.errors import CertificateError, CryptoError
    from conformance.crypto.revocation import lists_named_in, load_crl, load_ocsp, responders_named_in
    from conformance.crypto.sign import signature_name
    from conformance.crypto.x509 import load_certificate, matches_identity, validate_chain
    from conformance.eap.registry import body_of
    from conformance.fuzz.making import datagram, names
    from conformance.fuzz.making.bodies import body_classes
    from conformance.fuzz.making.packets import esp_packet, inner
    from conformance.fuzz.making.values import value
    from conformance.ipsec.errors import IpsecError
    from conformance.ipsec.esp import EspBend, encapsulate
    from conformance.ipsec.ip import ESP, header
    from conformance.ipsec.packets import unprotect
    from conformance.ipsec.sad import Sad
    from conformance.wire import (
        EapPacket,
        IdType,
        WireError,
        decode_message,
        describe_message,
        encode_message,
        summary_message,
    )

from tests.ipsec.making import HERE, THERE, pair, random

SEEDS = 400
_BODIES = body_classes()


def decoder(data: bytes) -> None:
    """A datagram, strictly and leniently, described and written again."""
    with suppress(WireError):
        assert encode_message(decode_message(data)) == data
    if len(data) >= 28:
        message = decode_message(data, lenient=True)
        assert encode_message(message) == data
        describe_message(message)
        summary_message(message)


def eap(data: bytes) -> None:
    """An EAP packet, and its data as any body there is."""
    with suppress(WireError):
        packet = EapPacket.decode(data)
        if packet.type is not None:
            body_of(packet)
    if data:
        with suppress(WireError):
            body = _BODIES[data[0] % len(_BODIES)].decode(data[1:])
            assert body.encode() == data[1:]


def esp(data: bytes) -> None:
    """An ESP packet that is nothing but the octets, or an authentic one around them."""
    out, into = pair("null-sha256")
    sad = Sad()
    sad.add(into)
    packet = data[1:]
    if data[:1] > b"\x7f" and len(data) > 3:
        padding = bytes(-(len(data) - 3 + 2) % 4)
        bend = EspBend(padding=padding, pad_length=data[1])
        with suppress(CryptoError):
            packet = encapsulate(out, data[2], data[3:], random, bend=bend)
    head = header(ip_address(HERE).packed, ip_address(THERE).packed, ESP, len(packet))
    with suppress(IpsecError):
        unprotect(sad, head + packet)


def certificates(data: bytes) -> None:
    """A certificate, a list, a response, a bundle, and the algorithm of a signature."""
    with suppress(CertificateError):
        found = load_certificate(data)
        lists_named_in(found)
        responders_named_in(found)
        matches_identity(found, IdType.FQDN, b"a.example")
        matches_identity(found, IdType.RFC822_ADDR, b"a@b.example")
        validate_chain([found], [found], datetime(2030, 1, 1, tzinfo=UTC))
    for load in (load_crl, load_ocsp, certificates_of):
        with suppress(CertificateError):
            load(data)
    signature_name(data)


def _esp_seed(source: Random) -> bytes:
    protocol, packet = inner(source)
    return bytes((0x80, 2, protocol)) + packet if source.random() < 0.5 else b"\0" + esp_packet(source, pair()[0])


PARTS: dict[str, tuple[Callable[[bytes], None], Callable[[Random], bytes]]] = {
    "decoder": (decoder, lambda source: datagram(source, source.choice(("valid", "near")))),
    "eap": (eap, lambda source: value(source, EapPacket).encode()),
    "esp": (esp, _esp_seed),
    "certificates": (certificates, lambda source: names.certificate_data(source, source.choice((4, 4, 7, 11, 14, 15)))),
}


def main(arguments: list[str]) -> int:
    """Fuzz one part; libFuzzer ends the process itself when it is done or has found something."""
    if len(arguments) < 2 or arguments[1] not in PARTS:
        print(f"usage: python -m tests.fuzz.guided {'|'.join(PARTS)} [FOLDER] [-max_total_time=SECONDS ...]")
        return 2
    if atheris is None:
        print("atheris is not installed (pip install atheris): fuzzing by coverage is left out")
        return 0
    target, seed = PARTS[arguments[1]]
    given = arguments[2:]
    with ExitStack() as stack:
        if not [one for one in given if not one.startswith("-")]:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="ikespec-guided-")))
            for number in range(SEEDS):
                (folder / f"{number}").write_bytes(seed(Random(number)))
            given = [str(folder), *given]
        pid = os.fork()  # libFuzzer does not return, and the folder should go
        if not pid:
            fuzz: Any = atheris
            fuzz.Setup([arguments[0], *given], target)
            fuzz.Fuzz()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
