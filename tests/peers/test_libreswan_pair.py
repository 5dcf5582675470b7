"""A real pluto and a real charon, each other's mirror, through every order that pluto takes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import ChildConfig, Connection, Identity, Mode, Party, PublicKey
from conformance.wire import HashAlgorithm
from peers.contract import Device, SaState, SaStatus
from tests.peers.connections import child_view, device_view
from tests.peers.relay import Relay

pytestmark = pytest.mark.peer
Up = Callable[[Connection], tuple[SaStatus, SaStatus]]


@pytest.fixture
def relay(pluto: Device, charon: Device) -> Iterator[Relay]:
    relay = Relay(pluto, charon)
    yield relay
    relay.close()


def _mirror(connection: Connection) -> Connection:
    """charon's view; both know each other under the tester's address, so addresses are left out."""
    return replace(connection.mirrored(), local_address=None, remote_address=None)


def _established(device: Device) -> bool:
    return any(sa.state is SaState.ESTABLISHED for sa in device.list_sas())


@pytest.fixture(params=["initiator", "responder"])
def up(pluto: Device, charon: Device, relay: Relay, request: pytest.FixtureRequest) -> Up:
    """Bring up a connection that is pluto's view, with pluto in either role."""

    def bring_up(connection: Connection) -> tuple[SaStatus, SaStatus]:
        pluto.apply(connection)
        charon.apply(_mirror(connection))
        (pluto if request.param == "initiator" else charon).initiate()
        assert relay.until(lambda: _established(pluto) and _established(charon)), pluto.log()[-2000:]
        [ours], [theirs] = pluto.list_sas(), charon.list_sas()
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


def _certified(kind: str, authority_name: str = "root", **how: Any) -> Connection:
    now = datetime.now(UTC)
    since, until = now - timedelta(days=1), now + timedelta(days=30)
    authority = Authority.create(f"{kind} {authority_name}", kind, since, until)

    def party(name: str) -> Party:
        leaf = authority.issue(name, kind=kind, sans=[name], not_before=since, not_after=until)
        return Party(Identity.of(name), PublicKey((leaf.certificate,), leaf.key, **how))

    return device_view(local=party("device.example"), remote=party("tester.example"), trust=(authority.certificate,))


@pytest.mark.parametrize(
    ("kind", "how"), [("rsa", {}), ("rsa", {"pss": True, "hash": HashAlgorithm.SHA2_384}), ("ecdsa", {})]
)
def test_certificates(up: Up, kind: str, how: dict[str, Any]) -> None:
    up(_certified(kind, **how))


def test_certificates_of_another_authority_are_refused(pluto: Device, charon: Device, relay: Relay) -> None:
    pluto.apply(_certified("ecdsa"))
    charon.apply(_mirror(_certified("ecdsa", "stranger")))
    charon.initiate()
    assert relay.until(lambda: "AUTHENTICATION_FAILED" in pluto.log()), pluto.log()[-2000:]
    assert not _established(pluto)


def test_large_messages_are_fragmented_only_if_asked(up: Up, pluto: Device) -> None:
    up(_certified("rsa"))
    assert "recording fragment" in pluto._whole_log()  # type: ignore[attr-defined]
    up(replace(_certified("rsa"), fragment_size=0))
    assert "recording fragment" not in pluto._whole_log()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("ike", "esp"),
    [
        ("aes128-sha256-modp2048", "aes128-sha256"),
        ("aes256-sha512-ecp521", "aes256gcm16-esn"),
        ("chacha20poly1305-prfsha384-ecp384", "chacha20poly1305"),
        ("3des-sha1-modp1536", "null-sha1"),
        ("aes256ctr-sha384-modp4096", "aes128ccm12"),
        ("aes128-aesxcbc-modp3072", "aes128-aesxcbc"),
        ("aes128-sha256-ecp256", "sha384"),
    ],
)
def test_proposals(up: Up, pluto: Device, ike: str, esp: str) -> None:
    ours, _ = up(
        device_view(proposals=(ike,), children=(ChildConfig("net", (esp,), ("10.2.0.0/24",), ("10.1.0.0/24",)),))
    )
    assert len(ours.children) == 1, pluto.log()[-2000:]


def test_transport(up: Up, pluto: Device) -> None:
    hosts = {"local_ts": (f"{pluto.pixit.device_address}/32",), "remote_ts": (f"{pluto.pixit.tester_address}/32",)}
    ours, _ = up(device_view(children=(child_view(mode=Mode.TUNNEL, **hosts),)))
    assert ours.children[0].local_ts == hosts["local_ts"]


def test_more_than_one_child_and_deleting_one(up: Up, pluto: Device, charon: Device, relay: Relay) -> None:
    first = ChildConfig("first", ("aes128gcm16",), ("10.2.0.0/24",), ("10.1.0.0/24",))
    second = ChildConfig("second", ("aes256-sha256-x25519",), ("fd02::/64",), ("fd01::/64",))
    up(device_view(children=(first, second)))
    pluto.initiate("second")
    assert relay.until(lambda: len(pluto.list_sas()[0].children) == 2 == len(charon.list_sas()[0].children))
    assert {child.name: child.local_ts for child in pluto.list_sas()[0].children} == {
        "first": ("10.2.0.0/24",),
        "second": ("fd02::/64",),
    }
    pluto.delete_child("first")
    assert relay.until(lambda: "first" not in {child.name for child in charon.list_sas()[0].children}), pluto.log()


def test_narrowing(pluto: Device, charon: Device, relay: Relay) -> None:
    wide = child_view(local_ts=("10.2.0.0/16",), remote_ts=("10.1.0.0/24",))
    narrow = child_view(local_ts=("10.2.0.0/24",), remote_ts=("10.1.0.0/24",))
    for ours, theirs, starts in ((wide, narrow, pluto), (narrow, wide, charon)):
        pluto.apply(device_view(children=(ours,), narrowing=True))
        charon.apply(_mirror(device_view(children=(theirs,))))
        starts.initiate()
        assert relay.until(lambda: _established(pluto) and _established(charon)), pluto.log()[-2000:]
        [child] = pluto.list_sas()[0].children
        assert child.local_ts == ("10.2.0.0/24",)


def test_without_a_child(up: Up) -> None:
    ours, theirs = up(device_view(childless=True))
    assert ours.children == theirs.children == ()


def _replaced(one: Device, other: Device, old: SaStatus) -> bool:
    spis = [
        [(sa.spi_i, sa.spi_r) for sa in each.list_sas() if sa.state is SaState.ESTABLISHED] for each in (one, other)
    ]
    return len(spis[0]) == 1 and spis[0] == spis[1] != [(old.spi_i, old.spi_r)]


def test_rekeying_the_ike_sa(up: Up, pluto: Device, charon: Device, relay: Relay) -> None:
    ours, _ = up(device_view())
    pluto.rekey_ike()
    assert relay.until(lambda: _replaced(pluto, charon, ours)), pluto.log()[-2000:]
    [child] = pluto.list_sas()[-1].children
    assert child.spi_in == ours.children[0].spi_in, "Child SAs are inherited"


def test_rekeying_a_child_sa(up: Up, pluto: Device, charon: Device, relay: Relay) -> None:
    ours, _ = up(device_view())
    pluto.rekey_child("net")

    def rekeyed() -> bool:
        one, other = pluto.list_sas()[0].children, charon.list_sas()[0].children
        if not len(one) == len(other) == 1:
            return False
        return one[0].spi_in == other[0].spi_out and one[0].spi_in != ours.children[0].spi_in

    assert relay.until(rekeyed), pluto.log()[-2000:]


def test_deleting(up: Up, pluto: Device, charon: Device, relay: Relay) -> None:
    up(device_view())
    pluto.delete_ike()
    assert relay.until(lambda: pluto.list_sas() == charon.list_sas() == [])


@pytest.mark.parametrize("what", ["ike", "child"])
def test_a_lifetime_ends_in_a_rekeying(pluto: Device, charon: Device, relay: Relay, what: str) -> None:
    view = device_view()
    child = view.children[0] if what == "ike" else replace(view.children[0], lifetime=1)
    pluto.apply(replace(view, children=(child,), lifetime=1 if what == "ike" else None))
    charon.apply(_mirror(view))
    pluto.initiate()
    assert relay.until(lambda: _established(pluto) and _established(charon))
    [ours] = pluto.list_sas()

    def rekeyed() -> bool:
        now = pluto.list_sas()[-1]  # the old one may still be there
        if what == "ike":
            return now.spi_i != ours.spi_i and now.state is SaState.ESTABLISHED
        return [one.spi_in for one in now.children] != [one.spi_in for one in ours.children]

    assert relay.until(rekeyed, patience=4), pluto.log()[-2000:]


def test_a_silent_peer_is_checked_and_given_up(up: Up, pluto: Device, relay: Relay) -> None:
    up(device_view(dpd_delay=1, retransmit_timeout=0.1, retransmit_tries=2))
    carried = relay.carried
    assert not relay.until(lambda: pluto.list_sas() == [], patience=2.5), "it is alive"
    assert relay.carried > carried, "liveness was checked"
    relay.close()
    end = time.monotonic() + 6
    while pluto.list_sas() and time.monotonic() < end:
        time.sleep(0.05)
    assert pluto.list_sas() == []
