"""The table of states against the code: each row is done with two IKE SAs."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from conformance.ike.core.sending import State
from conformance.ike.core.states import INITIATOR, LAST_RESPONSE, RESPONDER, TABLE, Row
from conformance.wire import (
    AUTH,
    SA,
    Delete,
    ExchangeType,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    ProtocolID,
    TSi,
    TSr,
    UnknownPayload,
    summary_message,
)
from tests.ike.case import Case, Change, adding, dropping, with_payloads
from tests.ike.draw_states import DOCUMENT, PICTURE, document, picture

FAILED = Notify(NotifyType.AUTHENTICATION_FAILED)
CRITICAL = UnknownPayload(200, b"", critical=True)
WRONG_GROUP = Notify(NotifyType.INVALID_KE_PAYLOAD, int(KeMethod.ECP_256).to_bytes(2, "big"))


def request_with(change: Change | None) -> Callable[[Case], None]:
    """The IKE_AUTH request comes, perhaps changed."""

    def happens(case: Case) -> None:
        if change is not None:
            assert case.other.pending is not None
            case.other.change = change
            case.held = [replace(case.held[0], payload=case.other.encode(case.other.pending.message)[0])]
        case.move(case.end)

    return happens


def response_with(change: Change | None) -> Callable[[Case], None]:
    """The response to our IKE_AUTH request comes, perhaps changed."""

    def happens(case: Case) -> None:
        case.other.change = change
        case.move(case.peer)
        case.move(case.end)

    return happens


def wrong_proof(message: Message) -> Message:
    wrong = (replace(one, data=bytes(len(one.data))) if isinstance(one, AUTH) else one for one in message.payloads)
    return replace(message, payloads=tuple(wrong))


def without_child(message: Message) -> Message:
    return adding(Notify(NotifyType.TS_UNACCEPTABLE))(dropping(SA, TSi, TSr)(message))


def unacceptable_child(case: Case) -> None:
    (child,) = case.sa.connection.children
    elsewhere = replace(child, local_ts=("172.16.0.0/16",), remote_ts=("172.17.0.0/16",))
    case.sa.connection = replace(case.sa.connection, children=(elsewhere,))
    case.move(case.end)


def with_other_proposals(case: Case) -> None:
    both = ("aes128gcm16-prfsha256-x25519-ecp256",)
    case.pair.initiator.connection = replace(case.pair.initiator.connection, proposals=both)


def ordered_to_open(case: Case) -> None:
    case.pair.initiator.initiate()
    case.find()
    case.take(case.end, case.sa)


def cookie(case: Case) -> None:
    case.init_response(Notify(NotifyType.COOKIE, b"biscuit"))


def wrong_group(case: Case) -> None:
    with_other_proposals(case)
    case.init_response(WRONG_GROUP)


def init_request(case: Case) -> None:
    case.open()
    case.move(case.end)
    case.find()


def init_response(case: Case) -> None:
    case.open()
    case.answered()


def init_request_with_another_group(case: Case) -> None:
    theirs = ("aes128gcm16-prfsha256-ecp256",)
    case.end.connection = replace(case.end.connection, proposals=theirs)
    with_other_proposals(case)
    init_request(case)


def nobody_answers(case: Case) -> None:
    if case.sas[0] is None:
        case.open()
    elif case.sa.pending is None:
        case.order("start_liveness")
    case.passes(case.sa.connection.patience() + 1)
    case.held = []


def again(case: Case) -> None:
    if case.state() == State.ESTABLISHED:
        case.request()
    before = case.answer
    case.held = case.asked
    case.move(case.end)
    assert [one.payload for one in case.held] == [one.payload for one in before]


def init_again(case: Case) -> None:
    before = case.answer
    case.held = case.first
    case.move(case.end)
    assert [one.payload for one in case.held] == [one.payload for one in before]


def outside_the_window(case: Case) -> None:
    case.begin()
    case.other.next_id += 1
    case.other.start_liveness()
    case.arrives()


def wrong_checksum(case: Case) -> None:
    case.begin()
    case.other.start_liveness()
    case.take(case.peer, case.other)
    case.changed(lambda one: replace(one, payload=one.payload[:-1] + bytes((one.payload[-1] ^ 1,))))


def in_the_clear(case: Case) -> None:
    flags = case.other.flags(response=False)
    number = case.sa.expected_id
    payloads = (Delete(ProtocolID.IKE),)
    case.unprotected(Message(case.sa.spi_i, case.sa.spi_r, ExchangeType.INFORMATIONAL, flags, number, payloads))


def malformed(case: Case) -> None:
    case.other.garbage = bytes(3)
    case.request()


def failed_later(case: Case) -> None:
    case.request()
    case.forget_said()
    case.request(FAILED)


def refused_as_malformed(case: Case) -> None:
    case.order("start_liveness")
    case.forget_said()
    case.response(Notify(NotifyType.INVALID_SYNTAX))


def responded(start: str) -> Callable[[Case], None]:
    """The response to a request of ours."""

    def happens(case: Case) -> None:
        case.order(start)
        case.answered()

    return happens


def peer_is_silent(case: Case) -> None:
    case.sa.connection = replace(case.sa.connection, dpd_delay=10.0)
    case.passes(10.1)


def lifetime_ends(case: Case) -> None:
    case.sa.connection = replace(case.sa.connection, lifetime=10.0)
    case.passes(10.1)


def child_lifetime_ends(case: Case) -> None:
    (child,) = case.sa.children
    child.config = replace(child.config, lifetime=10.0)
    case.passes(10.1)


def in_time(case: Case) -> None:
    case.passes(case.sa.half_open_timeout + 1)


EVENTS: dict[str, Callable[[Case], None]] = {
    "order to open it": ordered_to_open,
    "COOKIE": cookie,
    "INVALID_KE_PAYLOAD": wrong_group,
    "another error in IKE_SA_INIT": lambda case: case.init_response(Notify(NotifyType.NO_PROPOSAL_CHOSEN)),
    "IKE_SA_INIT response that cannot be taken": lambda case: case.init_response(SA(())),
    "IKE_SA_INIT response": init_response,
    "no response at all": nobody_answers,
    "IKE_SA_INIT request": init_request,
    "IKE_SA_INIT request with another group than ours": init_request_with_another_group,
    "IKE_AUTH response": response_with(None),
    "IKE_AUTH response without Child SA": response_with(without_child),
    "IKE_AUTH response with a wrong proof": response_with(wrong_proof),
    "AUTHENTICATION_FAILED in IKE_AUTH": response_with(with_payloads(FAILED)),
    "any request": lambda case: case.request(),
    "the IKE_SA_INIT request again": init_again,
    "IKE_AUTH request": request_with(None),
    "IKE_AUTH request for an unacceptable Child SA": unacceptable_child,
    "IKE_AUTH request with a wrong proof": request_with(wrong_proof),
    "IKE_AUTH request with an unknown critical payload": request_with(adding(CRITICAL)),
    "IKE_AUTH request once more": lambda case: case.request(exchange=ExchangeType.IKE_AUTH),
    "INFORMATIONAL request": lambda case: case.request(),
    "no IKE_AUTH request in time": in_time,
    "order to make a Child SA": lambda case: case.order("start_child", "net"),
    "order to rekey a Child SA": lambda case: case.order("start_child_rekey", case.sa.children[0]),
    "order to rekey it": lambda case: case.order("start_rekey"),
    "order to delete it": lambda case: case.order("start_delete"),
    "the response to our Delete": responded("start_delete"),
    "the response to our rekey": responded("start_rekey"),
    "INVALID_SYNTAX as response": refused_as_malformed,
    "CREATE_CHILD_SA request for a Child SA": lambda case: case.start("start_child", "net"),
    "CREATE_CHILD_SA request that rekeys a Child SA": lambda case: case.start(
        "start_child_rekey", case.other.children[0]
    ),
    "CREATE_CHILD_SA request that rekeys it": lambda case: case.start("start_rekey"),
    "Delete of a Child SA": lambda case: case.start("start_child_delete", case.other.children[0]),
    "Delete of the IKE SA": lambda case: case.start("start_delete"),
    "AUTHENTICATION_FAILED in the first request after IKE_AUTH": lambda case: case.request(FAILED),
    "AUTHENTICATION_FAILED in a later request": failed_later,
    "request of exchange type 77, which nobody knows": lambda case: case.request(exchange=ExchangeType(77)),
    "malformed request": malformed,
    "request with an unknown critical payload": lambda case: case.request(CRITICAL),
    "the last request again": again,
    "request outside the window": outside_the_window,
    "response to no request": lambda case: case.response(number=7),
    "message with a wrong checksum": wrong_checksum,
    "unprotected message": in_the_clear,
    "silence of the peer": peer_is_silent,
    "end of its lifetime": lifetime_ends,
    "end of a Child SA's lifetime": child_lifetime_ends,
}

CASES = [(row, role) for row in TABLE for role in ((row.role,) if row.role else (INITIATOR, RESPONDER))]


def says(message: Message) -> tuple[str, set[str]]:
    """The message as the table writes it: what it is, and its payloads."""
    head, _, payloads = summary_message(message).partition(": ")
    words = {word.split("(")[0] if not word.startswith("N(") else word for word in payloads.split(", ")}
    return head.rsplit(" ", 1)[0], words


@pytest.mark.parametrize(("row", "role"), CASES, ids=lambda one: one.event if isinstance(one, Row) else one)
def test_the_code_does_what_the_table_says(row: Row, role: str) -> None:
    case = Case(row.state, role)
    EVENTS[row.event](case)
    assert case.state() == row.after
    if row.reaction == LAST_RESPONSE:
        assert case.held
        return
    if not row.reaction:
        assert not case.held, case.reaction()
        return
    (message,) = case.reaction()
    head, _, payloads = row.reaction.partition(": ")
    expected = set(payloads.split(", "))
    found, words = says(message)
    assert found == head
    assert words == expected if "empty" in expected or ("N(" in payloads and len(expected) == 1) else expected <= words


def test_every_event_is_used() -> None:
    assert {row.event for row in TABLE} == EVENTS.keys()


def test_no_row_stands_there_twice() -> None:
    assert len({(row.state, role, row.event) for row, role in CASES}) == len(CASES)


def test_what_is_answered_is_in_the_table() -> None:
    """The exchanges that the code answers in a state are those that the table answers there."""
    for state, role in product((State.HALF_OPEN, State.ESTABLISHED, State.REKEYED), (INITIATOR, RESPONDER)):
        answers = {str(exchange) for at, exchange in Case(State.ESTABLISHED, role).sa.answers() if at == state}
        rows = (row for row in TABLE if row.state == state and row.role in ("", role))
        assert answers == {
            row.reaction.split(" response")[0]
            for row in rows
            if " response:" in row.reaction and "N(INVALID_SYNTAX)" not in row.reaction
        }


def test_the_document_and_the_picture_show_the_table() -> None:
    assert DOCUMENT.read_text() == document(), "run python -m tests.ike.draw_states"
    assert PICTURE.read_text() == picture(), "run python -m tests.ike.draw_states"
