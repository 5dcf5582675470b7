"""Two real charons, configured by the adapter as each other's mirror, through every order that it can give."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import ChildConfig, Connection, Identity, Mode, Party, PublicKey
from conformance.wire import AuthMethod, HashAlgorithm
from peers.contract import Device, SaState, SaStatus
from peers.strongswan.device import StrongSwan
from tests.peers.conftest import started
from tests.peers.connections import child_view, device_view
from tests.peers.relay import Relay

pytestmark = pytest.mark.peer
Pair = tuple[Device, Device]
Up = Callable[[Connection], tuple[SaStatus, SaStatus]]


@pytest.fixture
def relay(charon: Device, other_charon: Device) -> Iterator[Relay]:
    relay = Relay(charon, other_charon)
    yield relay
    relay.close()


def _mirror(connection: Connection) -> Connection:
    """The other device's view; both know each other under the tester's address, so addresses are left out."""
    return replace(connection.mirrored(), local_address=None, remote_address=None)


def _established(device: Device) -> bool:
    return any(sa.state is SaState.ESTABLISHED for sa in device.list_sas())


@pytest.fixture
def up(charon: Device, other_charon: Device, relay: Relay) -> Up:
    def bring_up(connection: Connection) -> tuple[SaStatus, SaStatus]:
        charon.apply(connection)
        other_charon.apply(_mirror(connection))
        charon.initiate()
        assert relay.until(lambda: _established(charon) and _established(other_charon)), charon.log()[-2000:]
        [ours], [theirs] = charon.list_sas(), other_charon.list_sas()
        assert (ours.spi_i, ours.spi_r) == (theirs.spi_i, theirs.spi_r)
        return ours, theirs

    return bring_up


def test_a_shared_key(up: Up) -> None:
    ours, theirs = up(device_view())
    [child], [mirror] = ours.children, theirs.children
    assert (child.spi_in, child.spi_out) == (mirror.spi_out, mirror.spi_in)
    assert child.name == "net"
    assert child.local_ts == mirror.remote_ts == ("10.2.0.0/24",)
    assert child.remote_ts == mirror.local_ts == ("10.1.0.0/24",)
    assert child.mode is Mode.TUNNEL


def _certified(kind: str, **how: object) -> Connection:
    now = datetime.now(UTC)
    since, until = now - timedelta(days=1), now + timedelta(days=30)
    authority = Authority.create(f"{kind} root", kind, since, until)

    def party(name: str) -> Party:
        leaf = authority.issue(name, kind=kind, sans=[name], not_before=since, not_after=until)
        auth = PublicKey((leaf.certificate,), leaf.key, **how)  # type: ignore[arg-type]
        return Party(Identity.of(name), auth)

    return device_view(local=party("device.example"), remote=party("tester.example"), trust=(authority.certificate,))


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_certificates(up: Up, charon: Device, kind: str) -> None:
    up(_certified(kind))
    words = {"rsa": "RSA_EMSA_PKCS1", "ecdsa": "ECDSA_WITH_SHA", "ed25519": "ED25519"}
    assert f"authentication of 'device.example' (myself) with {words[kind]}" in charon.log()


@pytest.mark.parametrize(
    ("kind", "how", "words"),
    [
        ("rsa", {"pss": True, "hash": HashAlgorithm.SHA2_384}, "RSA_EMSA_PSS_SHA2_384"),
        ("rsa", {"hash": HashAlgorithm.SHA2_512}, "RSA_EMSA_PKCS1_SHA2_512"),
        ("rsa", {"method": AuthMethod.RSA_SIGNATURE}, "RSA signature"),
        ("ecdsa", {"method": AuthMethod.ECDSA_256}, "ECDSA-256 signature"),
    ],
)
def test_signatures_of_a_named_kind(up: Up, charon: Device, kind: str, how: dict[str, object], words: str) -> None:
    up(_certified(kind, **how))
    assert f"authentication of 'device.example' (myself) with {words}" in charon.log()


def test_large_certificates_are_fragmented_only_if_asked(up: Up, charon: Device, other_charon: Device) -> None:
    up(replace(_certified("rsa"), fragment_size=600))
    assert "splitting IKE message" in charon.log()
    up(replace(_certified("rsa"), fragment_size=0))
    assert "splitting IKE message" not in charon.log()


def test_transport_esn_and_more_than_one_child(up: Up, charon: Device, other_charon: Device, relay: Relay) -> None:
    charon.require(*(one for one in charon.capabilities if one == "transport"))
    first = ChildConfig("first", ("aes128gcm16-esn",), ("10.2.0.0/24",), ("10.1.0.0/24",))
    second = ChildConfig("second", ("aes256-sha256-x25519",), ("fd02::/64",), ("fd01::/64",))
    up(device_view(children=(first, second)))
    charon.initiate("second")
    assert relay.until(lambda: len(charon.list_sas()[0].children) == 2 == len(other_charon.list_sas()[0].children))
    assert {child.name: child.local_ts for child in charon.list_sas()[0].children} == {
        "first": ("10.2.0.0/24",),
        "second": ("fd02::/64",),
    }
    charon.delete_child("second")
    assert relay.until(lambda: len(charon.list_sas()[0].children) == 1 == len(other_charon.list_sas()[0].children))


def test_narrowing(up: Up, charon: Device, other_charon: Device, relay: Relay) -> None:
    wide = child_view(local_ts=("10.2.0.0/16",), remote_ts=("10.1.0.0/24[udp/1000]",))
    narrow = child_view(local_ts=("10.2.0.0/24",), remote_ts=("10.1.0.0/24",))
    charon.apply(device_view(children=(wide,)))
    other_charon.apply(_mirror(device_view(children=(narrow,))))
    charon.initiate()
    assert relay.until(lambda: _established(charon) and _established(other_charon))
    [child] = charon.list_sas()[0].children
    assert child.local_ts == ("10.2.0.0/24",)
    assert child.remote_ts == ("10.1.0.0/24[udp/1000]",)


def test_without_a_child_then_with_one(up: Up, charon: Device, relay: Relay) -> None:
    ours, theirs = up(device_view(childless=True))
    assert ours.children == theirs.children == ()
    charon.initiate("net")
    assert relay.until(lambda: len(charon.list_sas()[0].children) == 1)


def _spis(device: Device) -> tuple[bytes, bytes]:
    [sa] = [one for one in device.list_sas() if one.state is SaState.ESTABLISHED]
    return sa.spi_i, sa.spi_r


def _replaced(one: Device, other: Device, old: SaStatus) -> bool:
    return _established(one) and _established(other) and _spis(one) == _spis(other) != (old.spi_i, old.spi_r)


def test_rekeying_the_ike_sa(up: Up, charon: Device, other_charon: Device, relay: Relay) -> None:
    ours, _ = up(device_view())
    charon.rekey_ike()
    assert relay.until(lambda: _replaced(charon, other_charon, ours)), charon.log()[-2000:]
    [child] = charon.list_sas()[-1].children
    assert child.spi_in == ours.children[0].spi_in, "Child SAs are inherited"


def test_reauthentication(up: Up, charon: Device, other_charon: Device, relay: Relay) -> None:
    ours, _ = up(device_view())
    charon.reauthenticate()
    assert relay.until(lambda: _replaced(charon, other_charon, ours)), charon.log()[-2000:]
    [child] = charon.list_sas()[-1].children
    assert child.spi_in != ours.children[0].spi_in


def test_rekeying_a_child_sa(up: Up, charon: Device, other_charon: Device, relay: Relay) -> None:
    ours, _ = up(device_view())
    charon.rekey_child("net")

    def rekeyed() -> bool:
        children = charon.list_sas()[0].children, other_charon.list_sas()[0].children
        if [len(found) for found in children] != [1, 1]:  # the old and the new one side by side
            return False
        [one], [other] = children
        return one.spi_in == other.spi_out and one.spi_in != ours.children[0].spi_in

    assert relay.until(rekeyed), charon.log()[-2000:]


def test_deleting(up: Up, charon: Device, other_charon: Device, relay: Relay) -> None:
    up(device_view())
    charon.delete_ike()
    assert relay.until(lambda: charon.list_sas() == other_charon.list_sas() == [])


def test_a_lifetime_ends_in_a_rekeying(charon: Device, other_charon: Device, relay: Relay) -> None:
    # One side only: two that rekey in the same instant are another story.
    charon.apply(device_view(lifetime=1))
    other_charon.apply(_mirror(device_view()))
    charon.initiate()
    assert relay.until(lambda: _established(charon) and _established(other_charon))
    [ours] = charon.list_sas()
    assert relay.until(lambda: all(sa.spi_i != ours.spi_i for sa in charon.list_sas()), patience=4)
    assert _established(charon)


def test_a_silent_peer_is_checked_and_given_up(up: Up, charon: Device, relay: Relay) -> None:
    up(device_view(dpd_delay=1, retransmit_timeout=0.1, retransmit_base=1.0, retransmit_tries=2))
    carried = relay.carried
    assert not relay.until(lambda: charon.list_sas() == [], patience=1.5), "it is alive"
    assert relay.carried > carried, "liveness was checked"
    relay.close()
    end = time.monotonic() + 4
    while charon.list_sas() and time.monotonic() < end:
        time.sleep(0.05)
    assert charon.list_sas() == []


def test_user_space_esp_carries_packets() -> None:
    if shutil.which("ping") is None:
        pytest.skip("there is no ping (apt-get install iputils-ping)")
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(started("strongswan:netns", data_plane="libipsec")) for _ in range(2))
        assert isinstance(one, StrongSwan)
        assert isinstance(other, StrongSwan)
        # The second one plays the tester: its host is in the tester's network, and none in the device's.
        for change in ("add 10.1.0.1/32", "del 10.2.0.1/32"):
            subprocess.run(["ip", "-n", other.namespace, "addr", *change.split(), "dev", "lo"], check=True)
        one.apply(device_view())
        other.apply(device_view().mirrored())
        relay = Relay(one, other)
        stack.callback(relay.close)
        one.initiate()
        assert relay.until(lambda: _established(one) and _established(other)), one.log()[-2000:]
        command = ["ip", "netns", "exec", one.namespace, "ping", "-c", "2", "-i", "0.2", "-W", "2", "-I", "10.2.0.1"]
        with subprocess.Popen([*command, "10.1.0.1"], stdout=subprocess.PIPE, text=True) as ping:
            assert relay.until(lambda: ping.poll() is not None)
            assert ping.stdout is not None
            assert "2 received" in ping.stdout.read()
        [child], [mirror] = one.list_sas()[0].children, other.list_sas()[0].children
        assert child.bytes_out == mirror.bytes_in == 2 * 84
