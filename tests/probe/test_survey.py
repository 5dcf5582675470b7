"""What a probe finds out about devices that we know."""

from collections.abc import Callable

import pytest

from conformance.crypto.keywords import keyword
from conformance.ike.core.connection import CookiePolicy
from conformance.net.link import Datagram, IpPacket, Link
from conformance.probe.findings import Cookies
from conformance.probe.survey import Survey
from conformance.wire import (
    FLAG_RESPONSE,
    Message,
    Notify,
    NotifyType,
    TransformType,
    WireError,
    decode_message,
    encode_message,
)
from peers.reference.variants import all_variants
from tests.probe.asking import Path, accepted, device, plan, probed, suites, taken

WORLDS = [
    ("aes128gcm16-prfsha256-x25519",),
    ("aes256-sha384-ecp384",),
    ("aes128-sha1-modp2048",),
    ("chacha20poly1305-prfsha512-x448",),
    ("aes256-aes128-sha256-ecp256-modp2048", "aes256gcm16-aes128gcm16-prfsha384-ecp384"),
    ("aes256-sha384-ecp384", "aes256-aes128-sha256-modp2048-ecp256", "3des-sha1-modp1024"),
]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world[0])
def test_exactly_the_suites_that_it_has(world: tuple[str, ...]) -> None:
    found = probed(proposals=world)
    assert accepted(suites(found)) == taken(world)
    assert found.way.startswith("questions")
    assert found.tally.half_open <= 16 and found.tally.seconds < 10


class NamesNoGroup(Path):
    """The device says NO_PROPOSAL_CHOSEN where it would want another group."""

    def changed(self, came: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """Without INVALID_KE_PAYLOAD."""
        assert isinstance(came, Datagram)
        message = decode_message(came.payload, lenient=True)
        if message.notify(NotifyType.INVALID_KE_PAYLOAD) is None:
            return came
        refusal = Message(
            message.spi_i, bytes(8), message.exchange, FLAG_RESPONSE, 0, (Notify(NotifyType.NO_PROPOSAL_CHOSEN),)
        )
        return Datagram(came.source, came.destination, encode_message(refusal))


def test_real_exchanges_where_no_group_is_named() -> None:
    world = ("aes256-aes128-sha256-x25519",)
    found = probed(path=NamesNoGroup, proposals=world)
    assert found.way.startswith("real exchanges")
    assert accepted(suites(found)) == taken(world)


class SilentRefusal(Path):
    """The device drops what it does not take."""

    def changed(self, came: Datagram | IpPacket) -> Datagram | IpPacket | None:
        """Without refusals."""
        assert isinstance(came, Datagram)
        try:
            message = decode_message(came.payload.removeprefix(bytes(4)), lenient=True)
        except WireError:
            return came
        return None if message.notify(NotifyType.NO_PROPOSAL_CHOSEN) is not None else came


def test_silence_is_a_refusal_and_takes_no_minute() -> None:
    found = probed(path=SilentRefusal, proposals=("aes256-sha384-ecp384",))
    assert suites(found) == ["aes256-sha384-ecp384"]
    assert found.silent_refusal
    assert found.tally.seconds < 50


@pytest.mark.parametrize("interval", [0.05, 0.2])
@pytest.mark.parametrize("path", [Path, SilentRefusal])
def test_what_is_dropped_is_not_refused(
    monkeypatch: pytest.MonkeyPatch, path: Callable[[Link], Link], interval: float
) -> None:
    monkeypatch.setattr("peers.reference.variants.limits.FloodProtection.interval", interval)
    world = ("aes256-aes128-sha256-modp2048-ecp256", "aes128gcm16-prfsha256-x25519")
    found = probed("+flood-protection", path, proposals=world)
    refused = {keyword(one) for kind in found.refused.values() for one in kind}
    assert not refused & set("-".join(world).split("-"))
    assert not refused or accepted(suites(found)) == taken(world)


def test_cookies_from_the_first_request_on() -> None:
    found = probed(proposals=("aes256-sha384-ecp384",), cookies=CookiePolicy.ALWAYS)
    assert found.cookies is Cookies.ALWAYS
    assert suites(found) == ["aes256-sha384-ecp384"]
    assert probed().cookies is Cookies.NEVER


def test_what_is_known_when_it_has_to_stop() -> None:
    found, _ = device("accepts-unconfigured-suite", proposals=("aes256-sha384-ecp384",))
    survey = Survey(plan(found.open_link(), most_sent=200)).run()
    assert survey.boxes and "aes256" in suites(survey)[1].split("-")
    assert survey.notes[0].startswith("stopped: the limit of 200 datagrams")
    assert survey.notes[1].startswith("not every combination")


def test_the_order_of_a_device_that_follows_ours() -> None:
    found = probed(proposals=("aes256-aes128-sha256-ecp256-modp2048",))
    assert found.own_order[TransformType.ENCR] is False
    assert found.own_order[TransformType.INTEG] is None


def test_what_it_says_of_itself() -> None:
    features = probed(childless=True).features
    assert features.fragmentation and features.nat_detection and features.childless and features.nat_port
    assert features.nat == "no NAT between us"
    assert not features.intermediate and not features.redirect


def test_half_open_ike_sas_are_ended() -> None:
    found, _ = device(proposals=("aes256-aes128-sha256-ecp256-modp2048",))
    survey = Survey(plan(found.open_link()))
    survey.run()
    assert survey.exchanges.opened > 2
    assert not found.list_sas()


@pytest.mark.parametrize(
    "name", ["", *(name for name, one in all_variants().items() if not one.about and name != "configured-by-hand")]
)
def test_every_other_correct_device_is_understood(name: str) -> None:
    world = ("aes256-aes128-sha256-modp2048-ecp256", "aes128gcm16-prfsha256-x25519")
    found = probed(f"+{name}" if name else "", proposals=world)
    assert accepted(suites(found)) == (accepted(world) if name == "exact-keys" else taken(world))
    assert found.tally.seconds < 58
