"""The part of the ``ikespec`` command that asks an unknown device what it takes, and shows what it has said."""

import json
import os
import socket
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.crypto.keywords import keyword
from conformance.ike.core.connection import ChildConfig, Connection, Identity, Party, Psk, PublicKey
from conformance.net import UdpLink
from conformance.net.link import Address
from conformance.probe.algorithms import KINDS, computable_groups
from conformance.probe.believed import ANYWHERE, Believed
from conformance.probe.exchanges import texts
from conformance.probe.findings import ChildFindings, Findings
from conformance.probe.meter import MeteredLink, ProbeError
from conformance.probe.survey import Plan, Survey
from conformance.script.peer import Peer
from conformance.wire import IdType, Transform
from conformance.wire.meaning import printable
from peers.algorithms import KINDS as KIND_NAMES
from peers.algorithms import written
from peers.contract import DeviceError
from peers.credentials import Credentials
from peers.credentialsfile import identity_of
from peers.devicefile import read_device
from peers.probed import Given, device_file, esp_suites

MOST_SENT, MOST_TAKEN, LONGEST = 3000, 6000, 58.0
"""Limits of one probe: datagrams out, datagrams in, seconds."""
UNKNOWN = Identity(IdType.FQDN, b"")


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line."""

    address: str
    port: int = 500
    nat_port: int = 4500
    source: str | None = None
    rate: float = 100.0
    timeout: float = 2.0
    quick: bool = False
    ikev1: bool = True
    psk: str | None = None
    psk_file: Path | None = None
    identity: str | None = None
    device_identity: str | None = None
    like: Path | None = None


class WishError(DeviceError):
    """Something of the command line cannot be meant; one line with option, value and expectation."""


# --- the command line -------------------------------------------------------------------------------------------------


def target(text: str, port: int) -> Address:
    """The device's address, which may be a name, or an IPv6 address in brackets. Raises WishError."""
    host = text.removeprefix("[").removesuffix("]")
    try:
        return Address(str(ip_address(host)), port)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise WishError(
            f'ADDRESS = "{text}"', "expected an IPv4 or IPv6 address, or a name that can be resolved"
        ) from None
    return Address(str(found[0][4][0]).partition("%")[0], port)


def source(wish: Wish, device: Address) -> str:
    """Our address: the one that is asked for, or the one that leads to the device. Raises WishError."""
    version = ip_address(device.host).version
    if wish.source is not None:
        try:
            if ip_address(wish.source).version == version:
                return wish.source
        except ValueError:
            pass
        raise WishError(f'--source "{wish.source}"', f"expected an IPv{version} address of this host")
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.connect((device.host, device.port))
        except OSError as error:
            raise WishError(str(device), f"cannot be reached from here: {error.strerror}") from None
        return str(one.getsockname()[0])


def check(wish: Wish) -> None:
    """Raise WishError for a value that cannot be meant."""
    for option, value in (("--port", wish.port), ("--nat-port", wish.nat_port)):
        if not 0 < value < 65536:
            raise WishError(f"{option} {value}", "expected a UDP port, 1 to 65535")
    if wish.port == wish.nat_port:
        raise WishError(f"--port {wish.port}", "is --nat-port, too: expected two different ports")
    if not 1 <= wish.rate <= 1000:
        raise WishError(f"--rate {wish.rate:g}", "expected datagrams a second, 1 to 1000")
    if not 0.1 <= wish.timeout <= 3:
        raise WishError(f"--timeout {wish.timeout:g}", "expected seconds that an answer may take, 0.1 to 3")
    if wish.like is not None and (wish.psk is not None or wish.psk_file is not None):
        raise WishError("--psk", f"the secret is that of --like {wish.like}: give one of them")
    if wish.psk is not None and wish.psk_file is not None:
        raise WishError("--psk", "there is --psk-file, too: give one of them")
    if wish.psk is not None and wish.psk != wish.psk.encode(errors="replace").decode():
        raise WishError(f"--psk {wish.psk!r}", "expected text; other octets with --psk-file")
    if wish.psk == "":
        raise WishError('--psk ""', "expected at least one character")
    for option, who in (("--identity", wish.identity), ("--device-identity", wish.device_identity)):
        if who is not None and wish.psk is None and wish.psk_file is None and wish.like is None:
            raise WishError(f'{option} "{who}"', "needs a secret: --psk, --psk-file or --like")
        if who is not None and wish.like is not None:
            raise WishError(f'{option} "{who}"', f"the identities are those of --like {wish.like}")
        if who == "":
            raise WishError(f'{option} ""', "expected at least one character")


def credentials(wish: Wish, device: Address, tester: Address) -> tuple[Credentials | None, Given]:
    """Who we are and what we know, and how that is written into the device file. Raises WishError, TomlError."""
    if wish.like is not None:
        return _like(wish.like, Given(device, tester, wish.nat_port))
    if wish.psk is None and wish.psk_file is None:
        return None, Given(device, tester, wish.nat_port)
    secret = wish.psk.encode() if wish.psk is not None else _octets(wish.psk_file)
    ours = _identity("--identity", wish.identity) if wish.identity else Identity.of(tester.host)
    theirs = _identity("--device-identity", wish.device_identity) if wish.device_identity else UNKNOWN
    identities = f"tester = {json.dumps(wish.identity or tester.host)}\n"
    identities += f"device = {json.dumps(wish.device_identity)}\n" if wish.device_identity else ""
    text = f"psk = {json.dumps(wish.psk)}\n" if wish.psk is not None else f'psk_hex = "{secret.hex()}"\n'
    return Credentials(ours, theirs, secret), Given(device, tester, wish.nat_port, identities, text)


def _octets(path: Path | None) -> bytes:
    assert path is not None
    found = path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
    if not found:
        raise WishError(f"--psk-file {path}", "is empty: expected a shared key")
    return found


def _identity(option: str, text: str) -> Identity:
    try:
        return identity_of(text)
    except ValueError as error:
        raise WishError(f'{option} "{text}"', str(error)) from None


def _like(path: Path, given: Given) -> tuple[Credentials, Given]:
    """The credentials of a device file, and its tables with the paths as seen from here."""
    found = read_device(path)
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    agreed = found.pixit.credentials

    def table(name: str, files: Sequence[str]) -> str:
        rows = {key: str(path.parent / text) if key in files else text for key, text in tables.get(name, {}).items()}
        rows.pop("any_identity", None)  # that is found out anew
        return "".join(f"{key} = {json.dumps(text)}\n" for key, text in rows.items())

    certificates = table("certificates", ("certificate", "key", "authority", "device"))
    return agreed, Given(
        given.device,
        given.tester,
        given.nat_port,
        table("identities", ()),
        table("secrets", ("psk_file",)),
        certificates,
        agreed.kind if agreed.secret is None and agreed.kind else "psk",
    )


# --- the probe --------------------------------------------------------------------------------------------------------


def probe(wish: Wish, random: Callable[[int], bytes], say: Callable[[str], None]) -> tuple[Findings, Given]:
    """Ask. Raises DeviceError, LinkError, OSError."""
    check(wish)
    device = target(wish.address, wish.port)
    with _link(source(wish, device)) as link:
        ours, nat_ours = link.addresses
        agreed, given = credentials(wish, device, ours)
        metered = MeteredLink(link, device.host, wish.rate, MOST_SENT, MOST_TAKEN, LONGEST)
        plan = Plan(
            metered, ours, device, random, wish.timeout, nat_ours, Address(device.host, wish.nat_port), wish.quick,
            wish.ikev1, say,
        )  # fmt: skip
        survey = Survey(plan)
        found = survey.run()
        if agreed is not None and found.boxes:
            say("with credentials")
            try:
                found.child = believed(plan, found, agreed)
            except ProbeError as stopped:
                found.notes.append(f"stopped: {stopped}")
            survey.settle()
    return found, given


@contextmanager
def _link(host: str) -> Iterator[UdpLink]:
    """From ports 500 and 4500 where they are free and allowed, as some devices want it; else from any."""
    try:
        link = UdpLink(host, (500, 4500))
    except OSError:
        link = UdpLink(host, (0, 0))
    try:
        yield link
    finally:
        link.close()


def believed(plan: Plan, found: Findings, agreed: Credentials) -> ChildFindings:
    """What shows with credentials only."""
    auth: Psk | PublicKey
    theirs: Psk | PublicKey
    if agreed.secret is not None:
        auth = theirs = Psk(agreed.secret)
    else:
        assert agreed.ours is not None
        auth, theirs = agreed.ours, PublicKey(())
    connection = Connection(
        Party(agreed.tester, auth),
        Party(agreed.device, theirs),
        proposals=texts(computable_groups(found.boxes)),
        children=(ChildConfig("net", ("aes128-sha256",), ANYWHERE, ANYWHERE),),
        trust=agreed.trust,
        local_address=plan.local.host,
        remote_address=plan.remote.host,
        local_ports=(plan.local.port, plan.nat_local.port if plan.nat_local else 4500),
        remote_ports=(plan.remote.port, plan.nat_remote.port if plan.nat_remote else 4500),
        retransmit_timeout=plan.timeout / 3,
    )
    peer = Peer(plan.link, connection, plan.random, plan.timeout)
    groups = [one for box in found.boxes for one in box.ke]
    return Believed(peer, connection, list(dict.fromkeys(groups))).run()


def save(path: Path, text: str, *, secret: bool) -> None:
    """Write the device file; only its owner reads one that has a secret."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def write(found: Findings, given: Given, path: Path) -> None:
    """Write what was found as a device file."""
    save(path, device_file(found, given, datetime.now()), secret=given.believed)


# --- what is shown ----------------------------------------------------------------------------------------------------


def rows(found: Findings) -> list[tuple[str, str]]:
    """What was found, in words: a heading and a text each."""
    made = [("speaks", found.answers or "no IKEv2"), *[("IKEv1", str(one)) for one in found.ikev1]]
    made += [("IKEv1 vendor ID", name) for name in dict.fromkeys(v for one in found.ikev1 for v in one.vendors)]
    if found.taken:
        made += [_taken(found, kind) for kind in KINDS]
        made += [("suites", written(box.transforms)) for box in found.boxes]
    made += [("cookies", found.cookies.value)] if found.answers else []
    made += _features(found)
    made += _child(found.child) if found.child is not None else []
    made += [("note", note) for note in found.notes]
    tally = found.tally
    cost = f"{tally.sent} datagrams of {tally.octets} octets, {tally.received} back, {tally.seconds:.1f} s"
    cost += f", {tally.half_open} half-open IKE SAs ended" if tally.half_open else ""
    cost += f", {tally.strays} that answer nothing we asked" if tally.strays else ""
    return [*made, ("cost", cost)]


def _taken(found: Findings, kind: Any) -> tuple[str, str]:
    own = found.own_order.get(kind)
    order = {True: "  (its own order)", False: "  (takes what the peer offers first)", None: ""}[own]
    return KIND_NAMES[kind], (_words(found.taken[kind]) or "none") + order


def _words(found: Sequence[Transform]) -> str:
    return " ".join(keyword(one) for one in found)


def _features(found: Findings) -> Iterator[tuple[str, str]]:
    features = found.features
    if features.fragmentation is None:
        return
    yield "NAT detection", f"yes, {features.nat}" if features.nat_detection else "no"
    if features.nat_port is not None:
        yield "port for NAT traversal", "answers" if features.nat_port else "says nothing"
    flags = {
        "IKE fragmentation": features.fragmentation,
        "childless": features.childless,
        "PPK": features.ppk,
        "IKE_INTERMEDIATE": features.intermediate or bool(features.further_ke),
    }
    for name, there in flags.items():
        yield name, "yes" if there else "no"
    yield "additional key exchanges", _words(features.further_ke) or "none"
    yield "redirects", f"to {features.redirect}" if features.redirect else "no"
    yield "signature hashes", ", ".join(features.hashes) or "not announced"
    for name in features.vendors or ("none",):
        yield "vendor ID", name


def _child(child: ChildFindings) -> Iterator[tuple[str, str]]:
    if child.problem:
        yield "authentication", f"fails: {child.problem}"
        return
    yield "authentication", f"works{f', it is {child.identity}' if child.identity else ''}"
    if child.any_identity:
        yield "identities", "any peer with the secret is let in"
    for text in esp_suites(child):
        yield "ESP", text
    if child.child_problem:
        yield "Child SA", child.child_problem
    yield "key exchange of Child SAs", _words(child.pfs) + (" (demanded)" if child.pfs_required else "") or "none"
    if child.its_selectors:
        ours = ", ".join(child.our_selectors) or "only the inner address"
        yield "selectors", f"{', '.join(child.its_selectors)} behind it, {ours} for us"
    flags = {
        "several Child SAs": child.several,
        "tunnel mode": child.tunnel is not False and child.several,
        "extended sequence numbers": child.esn,
        "transport mode": child.transport,
        "MOBIKE": child.mobike,
        "session resumption": child.resumption,
    }
    for name, there in flags.items():
        yield name, "not known" if there is None else "yes" if there else "no"
    yield "inner address", child.address or "none"
    yield "EAP", child.eap_only or "not offered"


def show(console: Console, found: Findings) -> None:
    """A table on a terminal, one line for each heading elsewhere."""
    if not console.is_terminal:
        for heading, text in rows(found):
            console.print(f"{heading}: {printable(text)}", markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for heading, text in rows(found):
        table.add_row("" if heading == before else heading, escape(printable(text)))
        before = heading
    console.print(table)


def as_json(found: Findings) -> str:
    """Everything, for programs; transforms in keywords."""
    kinds = {kind: KIND_NAMES[kind] for kind in KINDS}
    features = {name: _plain(getattr(found.features, name)) for name in found.features.__slots__}
    child = found.child and {name: _plain(getattr(found.child, name)) for name in found.child.__slots__}
    tree = {
        "answers": found.answers,
        "way": found.way,
        "taken": {kinds[kind]: _plain(each) for kind, each in found.taken.items()},
        "refused": {kinds[kind]: _plain(each) for kind, each in found.refused.items()},
        "own_order": {kinds[kind]: its for kind, its in found.own_order.items()},
        "suites": [written(box.transforms) for box in found.boxes],
        "cookies": found.cookies.name.lower(),
        "silent_refusal": found.silent_refusal,
        "features": features,
        "ikev1": [
            {"mode": one.mode, "suite": one.suite, "error": one.error, "vendors": list(one.vendors)}
            for one in found.ikev1
        ],
        "child": child,
        "notes": found.notes,
        "tally": {name: getattr(found.tally, name) for name in found.tally.__slots__},
    }
    return json.dumps(tree, indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, Transform):
        return keyword(value)
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value
