"""Our own decoder, endpoints and report writers under the generators: ``python -m tests.fuzz.ourselves decoder``.

Each part draws ``--count`` inputs from ``--seed`` on and ends with 1 where something raised what it does not document,
took too long, kept what it should have forgotten or grew; the seed of each is printed, and ``--seed N --count 1`` does
it again. The tests run a few hundred of each.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

from rich.console import Console

from conformance.crypto.bundle import certificates_of
from conformance.crypto.errors import CertificateError
from conformance.crypto.revocation import lists_named_in, load_crl, load_ocsp, responders_named_in
from conformance.crypto.sign import signature_name
from conformance.crypto.x509 import load_certificate, matches_identity, validate_chain
from conformance.eap.layout import Raw
from conformance.eap.registry import body_of
from conformance.fuzz import making, octets
from conformance.fuzz.making import Taste, names
from conformance.fuzz.making.bodies import body_classes
from conformance.fuzz.making.near import near
from conformance.fuzz.making.packets import esp_packet
from conformance.fuzz.making.values import value
from conformance.fuzz.mutators.der import Der
from conformance.ike.core.sending import State
from conformance.ipsec.errors import IpsecError
from conformance.ipsec.ip import ESP, header
from conformance.ipsec.packets import unprotect
from conformance.ipsec.sad import Sad
from conformance.net.link import Address, Datagram
from conformance.net.pcapng import PcapngWriter, read_pcapng
from conformance.script import transcript
from conformance.script.trace import Entry, Trace
from conformance.wire import (
    CertEncoding,
    EapPacket,
    IdType,
    Message,
    WireError,
    decode_message,
    describe_message,
    encode_message,
    summary_message,
)
from reports.badge import badge_json, badge_svg
from reports.coverage import catalogue
from reports.errors import ReportError
from reports.html import report_page
from reports.junit import junit_xml
from reports.load import load
from reports.markdown import summary
from reports.sarif import of_run
from reports.write import write_transcript
from tests.fuzz.lying import START, Conversation
from tests.ipsec.making import HERE, THERE, pair
from tests.reports.sample import write_sample

SECONDS = {
    "decoder": 1.0,
    "conversations": 20.0,
    "eap": 1.0,
    "esp": 1.0,
    "certificates": 1.0,
    "writers": 2.0,
    "pages": 10.0,
}
"""CPU time that one input may take at most; a busy machine is no defect, hence so much."""

GROWTH = 64 << 20
"""Octets that the process may grow by, from a tenth of the way on."""

TASTES: tuple[Taste, ...] = ("valid", "near", "near", "garbage")


def decoder(random: Random) -> None:
    """A datagram: valid ones come back, all others are refused, or written again as they came when read leniently."""
    taste = random.choice(TASTES)
    if taste == "valid":
        message = making.message(random)
        data = encode_message(message)
        assert decode_message(data) == message, f"{message!r} came back as {decode_message(data)!r}"
    else:
        data = making.datagram(random, taste)
    decoded: Message | None = None
    try:
        decoded = decode_message(data)
    except WireError as error:
        assert 0 <= error.offset <= len(data) and "\n" not in str(error)
    if decoded is None and len(data) >= 28:
        decoded = decode_message(data, lenient=True)
    if decoded is not None:
        assert encode_message(decoded) == data, f"{data.hex()} is written as {encode_message(decoded).hex()}"
        json.dumps(describe_message(decoded))
        assert "\n" not in summary_message(decoded)


def eap(random: Random) -> None:
    """An EAP packet and its body, right and wrong."""
    packet = value(random, EapPacket)
    if random.random() < 0.7:
        packet = near(random, packet)
    if random.random() < 0.3:
        packet = EapPacket(packet.code, packet.identifier, packet.type, random.randbytes(random.randrange(64)))
    data = packet.encode()
    try:
        found = EapPacket.decode(data)
    except WireError:
        return
    assert found.encode() == data
    if found.type is not None:
        body = body_of(found)
        assert isinstance(body, Raw) or body.encode() in data
    cls = random.choice(body_classes())
    with suppress(WireError):
        cls.decode(found.data)


def esp(random: Random) -> None:
    """An IP packet with ESP for an SA that knows its keys."""
    out, into = pair(random.choice(("aes128gcm16", "aes128-sha256", "null-sha256", "chacha20poly1305")))
    sad = Sad()
    sad.add(into)
    data = esp_packet(random, out, random.choice(TASTES))
    head = header(ip_address(HERE).packed, ip_address(THERE).packed, ESP, len(data))
    with suppress(IpsecError):
        unprotect(sad, head + data)


def certificates(random: Random) -> None:
    """Certificates, keys, lists and signatures, with any element bent."""
    data = names.certificate_data(random, random.choice(tuple(CertEncoding)))
    for _ in range(random.randrange(4)):
        data = Der.any_bent(random, data)
    with suppress(CertificateError):
        found = load_certificate(data)
        lists_named_in(found)
        responders_named_in(found)
        matches_identity(found, random.choice(tuple(IdType)), names.identity(random, random.choice(tuple(IdType))))
        validate_chain([found, found], [found], datetime(2030, 1, 1, tzinfo=UTC))
    for read in (load_crl, load_ocsp):
        with suppress(CertificateError):
            read(data)
    with suppress(CertificateError):
        certificates_of(data)
    signature_name(bytes((len(data) & 0xFF,)) + data)


def conversation(random: Random) -> None:
    """Two endpoints of which one lies: neither raises; after two days the honest one has nothing half-open left."""
    held = Conversation(random.randrange(1 << 48), slow=random.random() < 0.02)
    held.run()
    left = [sa for sa in held.honest.sas.values() if sa.state in (State.NEW, State.HALF_OPEN, State.CLOSED)]
    assert not left, f"{len(left)} IKE SAs are left in {left[0].state}"
    assert not [sa for sa in held.honest.sas.values() if sa.reassembly], "fragments are left"
    held.check_service()


def writers(random: Random) -> None:
    """Trace, transcript and capture of datagrams and messages that are garbage."""
    trace = Trace(limit=random.choice((2000, 6 << 20)))
    file = io.BytesIO()
    capture = PcapngWriter(file)
    for _ in range(random.randrange(1, 6)):
        taste = random.choice(TASTES)
        data = making.datagram(random, taste) if random.random() < 0.9 else random.randbytes(random.randrange(70000))
        message = making.message(random, taste) if random.random() < 0.8 else None
        ends = (Address(HERE, random.randrange(65536)), Address(THERE, 4500))
        word = random.choice(octets.WORDS).decode("utf-8", "replace")
        sent = Datagram(*ends, data)
        trace.add(
            Entry(
                START, "message", word, bool(random.randrange(2)), sent, message, bool(random.randrange(2)), word, word
            )
        )
        capture.datagram(START + random.random(), sent, word)
    told = json.loads(json.dumps(trace.to_json("ours", "theirs")))
    assert transcript.text(told).count("\n") >= len(trace.written())
    trace.transcript()
    trace.unanswered()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capture.pcapng"
        path.write_bytes(file.getvalue())
        assert sum(1 for _ in read_pcapng(path)) >= 1


@cache
def _sample() -> dict[str, bytes]:
    """The files of a results folder as a run leaves them, without reports."""
    with TemporaryDirectory() as place:
        folder = write_sample(Path(place) / "run", 0)
        return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def bent_json(random: Random, told: Any) -> Any:
    """JSON in which one value is another one, of its type or not."""
    if isinstance(told, dict) and told and random.random() < 0.9:
        key = random.choice(sorted(told))
        if random.random() < 0.1:
            return {name: value for name, value in told.items() if name != key}
        return {**told, key: bent_json(random, told[key])}
    if isinstance(told, list) and told and random.random() < 0.9:
        at = random.randrange(len(told))
        return [*told[:at], bent_json(random, told[at]), *told[at + 1 :]]
    word = random.choice(octets.WORDS).decode("utf-8", "surrogateescape" if random.random() < 0.1 else "replace")
    return random.choice((word, word * 50, "", 0, -1, 2**70, 1e308, -0.5, True, None, [], {}, [word], {"a": word}))


def pages(random: Random) -> None:
    """All reports of a results folder whose files hold what nobody wrote: they are made, or refused in one line."""
    files = dict(_sample())
    for _ in range(random.choice((1, 1, 2, 5))):
        name = random.choice(sorted(files))
        data = files[name]
        if name.endswith((".json", ".jsonl")) and random.random() < 0.85:
            lines = data.splitlines() if name.endswith("l") else [data]
            at = random.randrange(len(lines))
            with suppress(ValueError):
                lines[at] = json.dumps(bent_json(random, json.loads(lines[at]))).encode("utf-8", "surrogatepass")
            files[name] = b"\n".join(lines)
        else:
            deed, number = octets.draw(random, len(data))
            files[name] = octets.do(deed, number, data)
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        try:
            results = load(folder)
            for one in results.results:
                write_transcript(results, one)
            texts = [make(results, _known()) for make in (report_page, summary)]
            ElementTree.fromstring(junit_xml(results, _known()).encode())
            ElementTree.fromstring(badge_svg(results).encode())
            for text in (of_run(results, _known()), badge_json(results)):
                json.loads(text)
        except ReportError as error:
            assert "\n" not in str(error), f"more than a line: {error}"
            return
        for text in texts:
            text.encode()
        assert texts[0].rstrip().endswith("</html>")


@cache
def _known() -> Any:
    return catalogue(None)


PARTS: dict[str, Callable[[Random], None]] = {
    "decoder": decoder,
    "conversations": conversation,
    "eap": eap,
    "esp": esp,
    "certificates": certificates,
    "writers": writers,
    "pages": pages,
}


def tried(part: str, seed: int) -> str:
    """What is wrong with what a part does with a seed, empty: nothing."""
    start = time.process_time()
    try:
        PARTS[part](Random(f"{part} {seed}"))
    except Exception:  # whatever is not documented is what we look for
        return traceback.format_exc()
    took = time.process_time() - start
    return f"took {took:.1f} s of CPU time" if took > SECONDS[part] else ""


def memory() -> int:
    """The most that the process has had so far, in octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one part, say what it found, and give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    warnings.simplefilter("error")
    console, problems, start, before = Console(), 0, time.monotonic(), 0
    for number in range(given.count):
        problem = tried(given.part, given.seed + number)
        if problem:
            problems += 1
            console.print(f"seed {given.seed + number}: {problem}", markup=False, highlight=False)
        if number == given.count // 10:
            gc.collect()
            before = memory()
        if number and number % max(1, given.count // 20) == 0:
            rate = number / (time.monotonic() - start)
            console.print(f"{number} of {given.count}, {rate:.0f} a second, {memory() >> 20} MiB", highlight=False)
    grown = memory() - before
    if given.count >= 10_000 and grown > GROWTH:
        problems += 1
        console.print(f"the process has grown by {grown >> 20} MiB", highlight=False)
    rate = given.count / (time.monotonic() - start)
    console.print(
        f"{given.part}: {given.count} inputs, {problems} problems, {rate:.0f} a second, "
        f"at most {memory() >> 20} MiB, {max(grown, 0) >> 10} KiB more than after a tenth",
        highlight=False,
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
