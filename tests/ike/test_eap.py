"""EAP in IKE_AUTH between two endpoints."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conformance.eap.making import KNOWN
from conformance.ike.core.connection import Credential, Eap, Psk
from conformance.ike.core.events import ExchangeFailed
from conformance.ike.core.sending import State
from conformance.ike.extensions.eap_auth import SAFE
from conformance.ike.ikesa import IkeSa
from conformance.wire import (
    AUTH,
    EAP,
    AuthMethod,
    EapCode,
    EapPacket,
    ExchangeType,
    Message,
    NotifyType,
    Payload,
    decode_header,
)
from peers.reference.device import PIXIT
from suites.connections import Setup, eap
from tests.ike.pair import Pair

PASSWORD = ("md5", "gtc", "mschapv2")


def pair_of(setup: Setup, initiator: type[IkeSa] = IkeSa, responder: type[IkeSa] = IkeSa) -> Pair:
    pair = Pair(setup)
    pair.initiator.sa_class, pair.responder.sa_class = initiator, responder  # type: ignore[misc]
    return pair


def rounds(pair: Pair) -> int:
    headers = (decode_header(one.payload) for one in pair.wire)
    return len({one.message_id for one in headers if one.exchange == ExchangeType.IKE_AUTH})


@pytest.mark.parametrize("method", KNOWN)
def test_every_method_authenticates_the_initiator(method: str) -> None:
    pair = pair_of(eap(method))
    ours, theirs = pair.establish()
    assert ours.eap is not None and theirs.eap is not None and ours.eap.msk == theirs.eap.msk
    assert (ours.eap.msk is None) == (method in ("md5", "gtc"))


@pytest.mark.parametrize("method", SAFE)
def test_a_safe_method_is_enough(method: str) -> None:
    pair = pair_of(eap(method, only=True))
    ours, theirs = pair.establish()
    assert ours.children and theirs.children


@pytest.mark.parametrize("method", PASSWORD)
@pytest.mark.parametrize("asked", [True, False])
def test_the_initiator_authenticates_by_a_method(method: str, asked: bool) -> None:
    pair = pair_of(eap(method, eap_changes={"asked": asked}))
    ours, theirs = pair.establish()
    assert rounds(pair) == 2 + asked + (2 if method == "mschapv2" else 1)
    (one,), (other,) = ours.children, theirs.children
    assert one.keys == other.keys
    assert ours.eap is not None and theirs.eap is not None and ours.eap.msk == theirs.eap.msk
    assert (ours.eap.msk is None) == (method != "mschapv2")


def test_a_peer_that_wants_another_method_gets_it() -> None:
    pair = pair_of(eap("md5", eap_changes={"methods": ("md5", "mschapv2")}))
    local = pair.initiator.connection.local
    assert isinstance(local.auth, Eap)
    mine = replace(local, auth=replace(local.auth, methods=("mschapv2",)))
    pair.initiator.connection = replace(pair.initiator.connection, local=mine)
    ours, _ = pair.establish()
    assert ours.eap is not None and ours.eap.msk is not None


def test_a_wrong_password_ends_the_ike_sa_at_both_ends() -> None:
    pair = pair_of(eap("mschapv2"))
    local = pair.initiator.connection.local
    assert isinstance(local.auth, Eap)
    mine = replace(local, auth=replace(local.auth, secret=b"wrong"))
    pair.initiator.connection = replace(pair.initiator.connection, local=mine)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas


def test_rounds_survive_a_rekey_of_the_ike_sa() -> None:
    pair = pair_of(eap("mschapv2"))
    ours, _ = pair.establish()
    ours.start_rekey()
    pair.initiator.collect(ours)
    pair.run()
    pair.sas()


class WrongKey(IkeSa):
    """Proves itself with another key than the method has made."""

    def own_credential(self) -> Credential:
        found = super().own_credential()
        return Psk(bytes(64)) if isinstance(found, Psk) else found


def test_a_wrong_key_after_eap_is_refused_by_both() -> None:
    pair = pair_of(eap("mschapv2"), WrongKey)
    pair.initiator.initiate()
    pair.run()
    assert not pair.responder.sas
    pair = pair_of(eap("mschapv2"), IkeSa, WrongKey)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and sa.peer_identity is None


class AuthAtOnce(IkeSa):
    """Proves itself before EAP has ended."""

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        further = super().next_round(message)
        return [AUTH(AuthMethod.SHARED_KEY_MIC, bytes(32))] if further and isinstance(further[0], EAP) else further


def test_auth_before_the_end_of_eap_is_refused() -> None:
    pair = pair_of(eap("mschapv2"), AuthAtOnce)
    sa = pair.initiator.initiate()
    pair.run()
    failures = [event for event in pair.initiator.events if isinstance(event, ExchangeFailed)]
    assert (
        failures[-1].notify == NotifyType.AUTHENTICATION_FAILED and sa.state == State.CLOSED and not pair.responder.sas
    )


class SuccessAtOnce(IkeSa):
    """Says Success without any method."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        found = super().first_round(message)
        return [EAP(EapPacket(EapCode.SUCCESS, 1)) if isinstance(one, EAP) else one for one in found]


def test_a_success_without_a_method_convinces_nobody() -> None:
    pair = pair_of(eap("mschapv2"), IkeSa, SuccessAtOnce)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED


class Unsigned(IkeSa):
    """Asks without proving itself first."""

    def first_round(self, message: Message) -> Sequence[Payload]:
        return [one for one in super().first_round(message) if not isinstance(one, AUTH)]


def test_who_has_not_proved_itself_is_told_nothing() -> None:
    pair = pair_of(eap("gtc"), IkeSa, Unsigned)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and sa.eap is None and rounds(pair) == 1


class Trusting(IkeSa):
    """Takes a method for safe that is none."""

    def is_safe(self, method: str) -> bool:
        return True


def test_a_method_that_is_not_safe_is_not_enough() -> None:
    pair = pair_of(eap("mschapv2", only=True))
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas


def test_the_method_alone_proves_both_where_that_is_agreed() -> None:
    pair = pair_of(eap("mschapv2", only=True), Trusting)
    ours, theirs = pair.establish()
    assert ours.eap is not None and theirs.eap is not None and ours.eap.msk == theirs.eap.msk


def test_an_initiator_that_does_not_ask_for_that_is_refused() -> None:
    pair = pair_of(eap("mschapv2", only=True))
    pair.initiator.connection = eap("mschapv2")(PIXIT)
    sa = pair.initiator.initiate()
    pair.run()
    assert sa.state == State.CLOSED and not pair.responder.sas
