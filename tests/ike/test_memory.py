"""What an endpoint remembers, forgets and passes on: last responses, identities, requests that wait, addresses."""

from dataclasses import replace

import pytest

from conformance.ike.core.connection import ChildConfig, Connection, Identity
from conformance.ike.core.sending import State
from conformance.ike.endpoint import MEMORY
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Address, Datagram
from conformance.wire import ExchangeType, NotifyType, decode_header, decode_message
from peers.reference.device import PIXIT
from suites.connections import psk
from tests.ike.pair import Pair


def headers(datagrams: list[Datagram]) -> list[tuple[bytes, ExchangeType, bool]]:
    found = [decode_header(one.payload) for one in datagrams]
    return [(one.spi_i, one.exchange, bool(one.flags & 0x20)) for one in found]


# --- a repeated Delete (section 2.1) ----------------------------------------------------------------------------------


def deleted() -> tuple[Pair, Datagram]:
    """The IKE SA is deleted, and the response to the Delete gets lost."""
    pair = Pair()
    ours, _ = pair.establish()
    ours.start_delete()
    pair.initiator.collect(ours)
    (request,) = pair.initiator.drain()
    pair.responder.receive(request, pair.now)
    assert len(pair.responder.drain()) == 1 and not pair.responder.sas
    return pair, request


def test_a_repeated_delete_gets_its_response_again() -> None:
    pair, _ = deleted()
    (ours,) = pair.initiator.established()
    pair.sleep(ours.connection.retransmit_timeout)
    assert ours.state == State.CLOSED and not pair.initiator.sas
    assert [one[1:] for one in headers(pair.wire[-2:])] == [
        (ExchangeType.INFORMATIONAL, False),
        (ExchangeType.INFORMATIONAL, True),
    ]


def test_the_response_goes_to_where_the_repetition_came_from() -> None:
    pair, request = deleted()
    elsewhere = Address(request.source.host, 4321)
    pair.responder.receive(replace(request, source=elsewhere), pair.now)
    (answer,) = pair.responder.drain()
    assert answer.destination == elsewhere and answer.source == request.destination


def test_the_response_is_forgotten_after_minutes() -> None:
    pair, request = deleted()
    pair.responder.receive(request, pair.now + MEMORY + 1)
    (answer,) = pair.responder.drain()
    assert decode_message(answer.payload).notify(NotifyType.INVALID_IKE_SPI) is not None


def test_another_request_on_the_deleted_ike_sa_gets_no_such_response() -> None:
    pair, request = deleted()
    changed = request.payload[:-1] + bytes((request.payload[-1] ^ 1,))
    pair.responder.receive(replace(request, payload=changed), pair.now)
    (answer,) = pair.responder.drain()
    assert decode_message(answer.payload).notify(NotifyType.INVALID_IKE_SPI) is not None


# --- INITIAL_CONTACT (section 2.4) ------------------------------------------------------------------------------------


def contacts(pair: Pair) -> int:
    """How many IKE SAs the responder was told to be the only ones."""
    return sum(sa.initial_contact for sa in pair.responder.sas.values())


def test_only_the_first_ike_sa_says_initial_contact() -> None:
    pair = Pair()
    pair.establish()
    pair.initiator.initiate()
    pair.run()
    assert len(pair.initiator.established()) == len(pair.responder.established()) == 2
    assert contacts(pair) == 1


def test_initial_contact_ends_what_was_opened_the_other_way_round() -> None:
    pair = Pair()
    pair.responder.initiate()
    pair.run()
    (old,) = pair.responder.established()
    pair.initiator.sas.clear()  # it has restarted
    pair.establish()
    assert old.state == State.CLOSED


def test_initial_contact_of_another_identity_ends_nothing() -> None:
    pair = Pair()
    _, theirs = pair.establish()
    pair.initiator.sas.clear()
    usual = psk()(PIXIT)
    other = replace(usual, local=replace(usual.local, identity=Identity.of("somebody.else")))
    pair.initiator.connection = other
    pair.responder.connection = other.mirrored()
    pair.initiator.initiate()
    pair.run()
    assert theirs.state == State.ESTABLISHED and len(pair.responder.established()) == 2


# --- requests behind a rekey of the IKE SA (section 2.8) --------------------------------------------------------------


def test_what_waits_behind_the_peers_rekey_goes_out_on_the_new_ike_sa() -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    theirs.start_liveness()
    theirs.start_child("net")
    ours.start_rekey()
    for end, sa in ((pair.responder, theirs), (pair.initiator, ours)):
        end.collect(sa)
    pair.run()
    pair.sleep(0.1)
    assert ours.state == theirs.state == State.CLOSED
    new, other = pair.sas()
    assert len(new.children) == len(other.children) == 2


def test_what_waits_behind_our_own_rekey_goes_out_on_the_new_ike_sa() -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    ours.start_rekey()
    ours.start_child("net")
    pair.initiator.collect(ours)
    pair.run()
    pair.sleep(0.1)
    assert ours.state == theirs.state == State.CLOSED
    new, other = pair.sas()
    assert len(new.children) == len(other.children) == 2
    last = [one for one in headers(pair.wire) if one[0] == ours.spi_i and not one[2]][-1]
    assert last[1] == ExchangeType.INFORMATIONAL  # the Delete
    assert (new.spi_i, ExchangeType.CREATE_CHILD_SA, False) in headers(pair.wire)


# --- where the peer is (section 2.23) ---------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [False, True])
def test_a_host_that_is_not_behind_a_nat_follows_its_peer(behind: bool) -> None:
    pair = Pair()
    ours, theirs = pair.establish()
    theirs.local_nat = behind
    usual, elsewhere = theirs.remote, Address("198.51.100.7", 4501)
    ours.start_liveness()
    pair.initiator.collect(ours)
    (request,) = pair.initiator.drain()
    pair.responder.receive(replace(request, source=elsewhere), pair.now)
    assert theirs.remote == (usual if behind else elsewhere)


# --- several children (section 2.9) -----------------------------------------------------------------------------------


def policies(*pairs: tuple[str, str]) -> tuple[ChildConfig, ...]:
    return tuple(
        ChildConfig(f"net{number}", ("aes128gcm16",), (local,), (remote,))
        for number, (local, remote) in enumerate(pairs)
    )


def chosen(pair: Pair, asked: Connection) -> tuple[str, list[str], list[str]]:
    pair.initiator.connection = asked
    _, theirs = pair.establish()
    (child,) = theirs.children
    return child.config.name, [str(one) for one in child.remote_ts], [str(one) for one in child.local_ts]


def asking(local: tuple[str, ...], remote: tuple[str, ...]) -> Connection:
    connection = psk()(PIXIT)
    return replace(connection, children=(ChildConfig("net", ("aes128gcm16",), local, remote),))


def test_the_configuration_that_allows_the_first_selectors_wins() -> None:
    pair = Pair(children=policies(("10.2.0.0/24", "10.1.0.0/28"), ("10.2.0.0/24", "10.1.0.16/28")))
    asked = asking(("10.1.0.17[tcp/80]", "10.1.0.0/24"), ("10.2.0.1[tcp/80]", "10.2.0.0/24"))
    name, remote, local = chosen(pair, asked)
    assert name == "net1" and remote == ["10.1.0.16/28"] and local == ["10.2.0.0/24"]


def test_without_one_the_first_that_allows_anything_wins() -> None:
    pair = Pair(children=policies(("10.9.0.0/24", "10.1.0.0/28"), ("10.2.0.0/28", "10.1.0.0/28")))
    name, remote, _ = chosen(pair, asking(("10.1.0.0/24",), ("10.2.0.0/24",)))
    assert name == "net1" and remote == ["10.1.0.0/28"]


def test_ike_sas_know_their_neighbours() -> None:
    pair = Pair()
    ours, _ = pair.establish()
    assert isinstance(ours, IkeSa) and list(ours.neighbours) == [ours]
