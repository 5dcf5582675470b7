"""The look before the purposes: what it sees, what it says, and what follows from it."""

from dataclasses import replace

import pytest

from conformance.ike.core.connection import Connection, Psk
from conformance.ike.endpoint import Endpoint
from conformance.net.link import Datagram
from peers.capabilities import Capability
from peers.contract import DeviceError
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, prepared
from suites.gate import Gate, Look, kind_of, wanted
from suites.look import Looker
from tests.suites.strange import EmptyInit, EndlessCookies, OneForEach, RefusesEveryIkeAuth, ShortNonces, Strange

PURPOSES = {identifier: one.purpose for identifier, one in all_purposes().items()}


def gate_of(device: ReferenceDevice, *purposes: str) -> Gate:
    with device:
        return Looker(device, 1).look_first([PURPOSES[one] for one in purposes])


def test_a_good_device_is_let_through() -> None:
    gate = gate_of(ReferenceDevice(), "auth-psk", "auth-rsa", "auth-initiator", "auth-mixed-keys")
    assert [(one.kind, one.role) for one in gate.looks] == [
        ("psk", "responder"), ("rsa", "responder"), ("psk", "initiator"),
    ]  # fmt: skip
    assert gate.closed is None and gate.pair
    assert all(one.suite == "AES_GCM_16-128, HMAC_SHA2_256, CURVE25519" and not one.problem for one in gate.looks)


class Mute(Endpoint):
    """Never answers and never asks."""

    def receive(self, datagram: Datagram, now: float) -> None:
        return


class OneAtATime(Endpoint):
    """Refuses every IKE SA while there is one."""

    def accept_init(self, *arguments: object) -> None:
        if not self.established():
            super().accept_init(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("endpoint", "problem", "advice"),
    [
        (Mute, "there is no answer to IKE_SA_INIT within 6 s", "address or port are probably wrong (192.0.2.2:500"),
        (EmptyInit, "IKE_SA_INIT fails: IKE_SA_INIT response without SA, KE or Nonce", ""),
        (EndlessCookies, "no progress after", ""),
        (ShortNonces, "IKE_SA_INIT fails: nonce of 8 octets, expected 16 to 256", ""),
        (RefusesEveryIkeAuth, "IKE_AUTH fails: IKE_AUTH refused with AUTHENTICATION_FAILED", "an identity or a secret"),
    ],
)
def test_how_far_it_came_and_what_is_probably_wrong(endpoint: type[Endpoint], problem: str, advice: str) -> None:
    gate = gate_of(Strange(endpoint), "auth-psk", "auth-ecdsa", "info-liveness")
    closed = gate.closed
    assert closed is not None and (closed.kind, closed.role) == ("psk", "responder")
    assert problem in closed.problem and advice in closed.advice and closed.sentence.startswith("an ordinary handshake")


def test_a_device_that_was_never_heard_is_not_asked_for_every_kind() -> None:
    assert len(gate_of(Strange(Mute), "auth-psk", "auth-rsa", "auth-ecdsa", "auth-initiator").looks) == 1


class Changed(ReferenceDevice):
    """Holds another connection than it was told to."""

    def __init__(self, **changes: object) -> None:
        super().__init__()
        self.changes = changes

    def apply(self, connection: Connection) -> None:
        super().apply(replace(connection, **self.changes))  # type: ignore[arg-type]


def test_wrong_algorithms() -> None:
    closed = gate_of(Changed(proposals=("aes256-sha512-modp4096",)), "auth-psk").closed
    assert closed is not None and "NO_PROPOSAL_CHOSEN" in closed.problem
    assert "it takes none of what we offer, aes128gcm16-prfsha256-x25519" in closed.advice
    assert closed.keys == ("algorithms.ike",)


class WrongSecret(ReferenceDevice):
    """Somebody has mistyped the shared key."""

    def apply(self, connection: Connection) -> None:
        if isinstance(connection.remote.auth, Psk):
            mistyped = Psk(b"a mistyped key")
            connection = replace(
                connection,
                local=replace(connection.local, auth=mistyped),
                remote=replace(connection.remote, auth=mistyped),
            )
        super().apply(connection)


def test_one_kind_that_fails_is_one_reason_for_all_its_purposes() -> None:
    device = WrongSecret()
    gate = gate_of(device, "auth-psk", "auth-rsa", "auth-initiator")
    assert gate.closed is None and [bool(one.problem) for one in gate.looks] == [True, False, True]
    reasons = {gate.against(PURPOSES[one], device, "responder") for one in ("auth-psk", "mid-old", "format-truncated")}
    assert len(reasons) == 1 and "AUTHENTICATION_FAILED" in reasons.pop()
    assert not gate.against(PURPOSES["auth-rsa"], device, "responder")


def test_a_device_that_cannot_be_told_to_initiate_says_so_once() -> None:
    class Deaf(ReferenceDevice):
        def initiate(self, child: str | None = None) -> None:
            return

    device = Deaf()
    gate = gate_of(device, "auth-psk", "auth-initiator")
    assert gate.closed is None and "no IKE_SA_INIT request comes within 6 s" in gate.looks[1].problem
    with device, prepared(PURPOSES["auth-initiator"], device, 1, gate) as (_, dut):
        with pytest.raises(Exception, match="no IKE_SA_INIT request comes"):
            dut.initiate()
        dut.rekey_ike  # noqa: B018 - what needs no initiation may be tried


def test_a_device_that_cannot_be_configured() -> None:
    class Stubborn(ReferenceDevice):
        def apply(self, connection: Connection) -> None:
            raise DeviceError(self.name, "commands.apply ended with 1: false")

    closed = gate_of(Stubborn(), "auth-psk").closed
    assert closed is not None and "commands.apply ended with 1" in closed.problem


def test_an_exception_of_our_own_is_told_with_its_place() -> None:
    class Odd(ReferenceDevice):
        def initiate(self, child: str | None = None) -> None:
            raise AssertionError

    closed = gate_of(Odd(), "auth-initiator").closed
    assert closed is not None and "AssertionError in test_look.py, line" in closed.problem


def test_whether_two_ike_sas_have_room() -> None:
    assert not gate_of(Strange(OneAtATime), "auth-psk").pair
    assert gate_of(Strange(OneForEach), "auth-psk").pair


def test_without_room_the_control_is_deleted_before_the_purpose_begins() -> None:
    device, purpose = Strange(OneAtATime), PURPOSES["info-unknown-critical"]
    with device, prepared(purpose, device, 1, Gate([Look("psk", "responder", pair=False)])) as (peer, dut):
        assert dut.guard.canary is not None and not dut.guard.canary.up
        peer.establish()


def test_what_is_looked_for_is_what_is_selected_and_claimed() -> None:
    device = ReferenceDevice()
    device.capabilities -= {Capability.RSA, Capability.INITIATOR}
    assert wanted(PURPOSES.values(), device) == [("psk", "responder"), ("ecdsa", "responder"), ("ed25519", "responder")]
    assert kind_of(PURPOSES["auth-mixed-keys"], device) is None
