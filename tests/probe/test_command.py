"""The command on loopback, the file that it writes, and command lines that cannot be meant."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conformance.crypto import CryptoError
from conformance.crypto.suite import transforms
from conformance.ike.core.connection import Mode
from conformance.net.link import Address
from conformance.probe.survey import Survey
from ikespec.cli import app
from ikespec.probe import UNKNOWN, Wish, WishError, believed, check, rows, source, target
from peers.capabilities import Capability
from peers.devicefile import read_device
from peers.probed import Given, capabilities, device_file
from peers.reference.process import ReferenceProcess
from suites.connections import psk
from tests.probe.asking import IT, US, accepted, device, plan, probed, taken

WORLD = ("aes256-aes128-sha256-modp2048-ecp256", "aes256-sha384-ecp384")
ESP = ("aes128gcm16", "aes256-sha256-ecp384")
ESP_TAKEN = ("aes128gcm16-aes192gcm16-aes256gcm16", "aes256-sha256-ecp384")
"""With longer keys, too (RFC 7296, section 3.3.5)."""


@pytest.fixture(scope="module")
def loopback() -> Iterator[ReferenceProcess]:
    found = ReferenceProcess()
    found.start()
    try:
        found.apply(psk(proposals=WORLD, esp=ESP)(found.profile).mirrored())
        yield found
    finally:
        found.stop()


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["probe", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def ports(device: ReferenceProcess) -> list[str]:
    ike, nat = device.pixit.device_ports
    return ["--port", str(ike), "--nat-port", str(nat), "--rate", "900"]


def test_with_a_secret_it_finds_all(loopback: ReferenceProcess, tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    secret = ["--psk", "a shared key of the ikespec suites", "--identity", "tester.ikespec.example"]
    code, text = run("127.0.0.1", *ports(loopback), *secret, "-o", str(path))
    assert code == 0 and f"wrote {path}" in text
    assert "authentication: works, it is device.ikespec.example" in text
    assert "any peer with the secret" not in text
    found = read_device(path)
    named = found.pixit.algorithms
    assert accepted(named.ike) == taken(WORLD)
    assert {frozenset(one.split("-")) for one in named.esp} == {frozenset(one.split("-")) for one in ESP_TAKEN}
    assert found.pixit.device_networks == ("10.2.0.0/24",) and found.pixit.tester_networks == ("10.1.0.0/24",)
    assert {"pfs", "multiple-children", "narrowing", "fragmentation", "nat-t"} <= set(found.capabilities)
    assert path.stat().st_mode & 0o077 == 0
    assert not loopback.list_sas()


def test_without_a_secret_the_file_is_one_nevertheless(loopback: ReferenceProcess, tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    code, text = run("127.0.0.1", *ports(loopback), "--json", "-o", str(path))
    assert code == 0
    tree = json.loads(text)
    assert tree["answers"] == "IKEv2" and tree["cookies"] == "never"
    assert set(tree["taken"]["key exchange method"]) == {"modp2048", "ecp256", "ecp384"}
    assert "pfs" not in read_device(path).capabilities
    assert "# Not known: what it takes for Child SAs" in path.read_text()
    code, text = run("127.0.0.1", *ports(loopback), "-o", str(path))
    assert code == 2 and "is there already" in text


def test_like_another_file(loopback: ReferenceProcess, tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    assert run("127.0.0.1", *ports(loopback), "-o", str(one))[0] == 0
    code, text = run("127.0.0.1", *ports(loopback), "--like", str(one), "-o", str(two))
    assert code == 0 and "authentication: works" in text
    assert read_device(two).pixit.credentials == read_device(one).pixit.credentials


def test_a_wrong_secret_is_said(loopback: ReferenceProcess, tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    code, text = run("127.0.0.1", *ports(loopback), "--psk", "wrong", "-o", str(path))
    assert code == 0 and "authentication: fails: AUTHENTICATION_FAILED" in text
    assert "did not believe us" in path.read_text()


def test_nobody_is_there(tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    code, text = run("127.0.0.9", "--port", "9", "--timeout", "0.2", "-o", str(path))
    assert code == 2 and "nothing answers on UDP port 9" in text and len(text.splitlines()) == 1
    assert not path.exists()


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish("192.0.2.1", port=0), "--port 0: expected a UDP port"),
        (Wish("192.0.2.1", port=4500), "--port 4500: is --nat-port, too: expected two different ports"),
        (Wish("192.0.2.1", rate=0), "--rate 0: expected datagrams a second"),
        (Wish("192.0.2.1", timeout=9), "--timeout 9: expected seconds"),
        (Wish("192.0.2.1", psk="\udcff"), r"--psk '.udcff': expected text; other octets with --psk-file"),
        (Wish("192.0.2.1", psk=""), '--psk "": expected at least one character'),
        (Wish("192.0.2.1", psk="x", psk_file=Path("y")), "--psk: there is --psk-file, too"),
        (Wish("192.0.2.1", device_identity="x"), '--device-identity "x": needs a secret'),
        (Wish("192.0.2.1", identity="x"), '--identity "x": needs a secret'),
        (Wish("192.0.2.1", psk="x", identity=""), '--identity "": expected at least one character'),
        (Wish("192.0.2.1", like=Path("y"), identity="x"), '--identity "x": the identities are those of --like y'),
    ],
)
def test_what_cannot_be_meant(wish: Wish, words: str) -> None:
    with pytest.raises(WishError, match=words):
        check(wish)


def test_addresses() -> None:
    assert target("[2001:db8::1]", 500) == Address("2001:db8::1", 500)
    with pytest.raises(WishError, match=r'ADDRESS = "not\.\.a\.\.name": expected'):
        target("not..a..name", 500)
    with pytest.raises(WishError, match="expected an IPv4 address of this host"):
        source(Wish("127.0.0.1", source="::1"), Address("127.0.0.1", 500))


def test_every_word_of_a_written_file_is_known(tmp_path: Path) -> None:
    found = probed(proposals=WORLD)
    found.notes.append("of the device:\n[device]\x1b[31m")
    path = tmp_path / "device.toml"
    path.write_text(device_file(found, Given(Address("2001:db8::1", 5000), Address("2001:db8::2", 1)), datetime.now()))
    read = read_device(path)
    assert read.pixit.device_address6 == "2001:db8::1" and read.pixit.device_ports == (5000, 4500)
    assert "\x1b" not in path.read_text()
    for word in tomllib.loads(path.read_text())["algorithms"]["refused"]:
        try:
            assert transforms(word)
        except CryptoError as error:
            pytest.fail(str(error))


def test_rows_have_no_empty_text() -> None:
    assert all(heading and text for heading, text in rows(probed(proposals=WORLD)))


def test_a_device_that_lets_in_anybody() -> None:
    lax, _ = device("accepts-any-identity", proposals=WORLD)
    course = plan(lax.open_link())
    found = Survey(course).run()
    found.child = believed(course, found, lax.pixit.credentials)
    assert found.child.any_identity and not found.child.problem
    assert ("identities", "any peer with the secret is let in") in rows(found)
    text = device_file(found, Given(IT, US, identities="", secrets='psk = "x"\n'), datetime.now())
    assert tomllib.loads(text)["secrets"]["any_identity"] is True


def test_a_device_in_transport_mode() -> None:
    ours, theirs = ("192.0.2.1/32",), ("192.0.2.2/32",)
    both, _ = device(proposals=WORLD, esp=ESP, mode=Mode.TRANSPORT, local_ts=ours, remote_ts=theirs)
    course = plan(both.open_link())
    found = Survey(course).run()
    found.child = believed(course, found, both.pixit.credentials)
    assert found.child.transport
    words, _ = capabilities(found, Given(IT, US, secrets='psk = "x"\n'))
    assert Capability.TRANSPORT in words


def test_a_device_that_ends_with_its_first_child_sa() -> None:
    """It proves itself to whoever asks for no Child SA, and the file has its identity."""
    strict, _ = device("child-failure-kills-ike+no-narrowing", proposals=WORLD, childless=True)
    course = plan(strict.open_link())
    found = Survey(course).run()
    unnamed = replace(strict.pixit.credentials, device=UNKNOWN)
    found.child = believed(course, found, unnamed)
    assert not found.child.problem and found.child.child_problem == "TS_UNACCEPTABLE"
    assert found.child.identity == str(strict.pixit.credentials.device)
    assert ("authentication", f"works, it is {found.child.identity}") in rows(found)
