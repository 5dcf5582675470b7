"""Devices that want to get round their judge: what they send more than they must changes no verdict."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest

from conformance.crypto.pki import Authority
from conformance.eap.server import EapServer
from conformance.ike.core.connection import Connection, PublicKey
from conformance.ike.endpoint import Endpoint
from conformance.net.link import Address, Datagram
from conformance.radius.packet import read
from conformance.script import mailbox
from conformance.script.trace import Trace
from conformance.wire import (
    CP,
    EAP,
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    SK,
    CfgAttr,
    CfgAttribute,
    CfgType,
    ExchangeType,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    PayloadType,
    encode_message,
)
from conformance.wire.meaning import printable
from ikespec.exits import fail
from peers.reference.device import ReferenceDevice
from suites import evidence
from suites.canary import MOST_KEPT
from suites.conduct import all_purposes, tried
from suites.gate import MOST_ATTEMPTS, Gate
from suites.guard import pass_over
from suites.judge import Verdict
from suites.radius import Server
from tests.radius.nas import SECRET, Nas


class Loud(Endpoint):
    """Sends large datagrams that mean nothing before its first answers."""

    left = 2

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if self.left:
            self.left -= 1
            self.outbox[:0] = [Datagram(datagram.destination, datagram.source, bytes(60_000))] * 25


def hostile(words: str = "", endpoint: type[Endpoint] = Endpoint) -> ReferenceDevice:
    """A built-in device whose endpoint has other habits, too."""
    device = ReferenceDevice(words)
    other = type("Hostile", (endpoint, device.model.endpoint_class), {})
    device.model = replace(device.model, endpoint_class=other)
    return device


def saying(change: Callable[[Message], Message], *, after: int = 0) -> ReferenceDevice:
    """A built-in device whose messages are changed before they are encoded, but for those of so many first IKE SAs."""
    device = ReferenceDevice()
    base = device.model.endpoint_class
    spared: list[bytes] = []

    class Changed(base.sa_class):  # type: ignore[name-defined,misc]
        def encode(self, message: Message) -> list[bytes]:
            if len(spared) < after and self.own_spi not in spared:
                spared.append(self.own_spi)
            found: list[bytes] = super().encode(message if self.own_spi in spared else change(message))
            return found

    device.model = replace(device.model, endpoint_class=type("Hostile", (base,), {"sa_class": Changed}))
    return device


def verdict_on(device: ReferenceDevice, identifier: str) -> Verdict:
    with device:
        return tried(all_purposes()[identifier], device).verdict


@pytest.mark.parametrize("identifier", ["info-delete-child", "child-rekey"])
def test_evidence_that_is_cut_hides_nothing(monkeypatch: pytest.MonkeyPatch, identifier: str) -> None:
    loud = verdict_on(hostile("sets-reserved-flag", Loud), identifier)
    assert (loud.verdict, loud.invariant) == ("fail", "flags"), loud
    monkeypatch.setattr(mailbox, "Trace", partial(Trace, limit=0))
    unseen = verdict_on(ReferenceDevice("sets-reserved-flag"), identifier)
    assert (unseen.verdict, unseen.invariant) == ("fail", "flags"), unseen


def test_what_came_before_is_passed_over_and_a_flood_does_not_hold_us() -> None:
    class Flood:
        """A link on which something waits always."""

        def __init__(self, step: float, most: int) -> None:
            self.time, self.step, self.left = 0.0, step, most

        def now(self) -> float:
            return self.time

        def receive(self, until: float) -> Datagram | None:
            self.time += self.step
            self.left -= 1
            return Datagram(Address("192.0.2.1", 500), Address("192.0.2.2", 500), b"") if self.left else None

        def send(self, datagram: Datagram) -> None: ...

        def close(self) -> None: ...

    few, fast, slow = Flood(0.0, 5), Flood(0.0, 10**6), Flood(0.1, 10**6)
    for link in (few, fast, slow):
        pass_over(link)
    assert few.left == 0 and fast.left == 10**6 - MOST_KEPT and slow.time < 1.0


@pytest.mark.parametrize("identifier", ["mid-ahead", "mid-ahead-delete", "mid-far", "mid-invalid-notify"])
@pytest.mark.parametrize(
    ("window", "verdict"),
    [(b"\xff\xff\xff\xff", "n/a"), (bytes(4), "pass"), (b"", "fail"), (b"\xff" * 40, "fail")],
)
def test_a_window_of_any_size_leads_to_a_verdict(identifier: str, window: bytes, verdict: str) -> None:
    announced = Notify(NotifyType.SET_WINDOW_SIZE, window)

    def change(message: Message) -> Message:
        last = message.exchange == ExchangeType.IKE_AUTH and message.is_response
        return replace(message, payloads=(*message.payloads, announced)) if last else message

    told = verdict_on(saying(change), identifier)
    assert told.verdict == verdict, told
    assert told.requirement == ("RFC7296-2.3-1" if verdict == "fail" else None)


def test_of_what_devices_have_begun_the_newest_is_remembered() -> None:
    gate = Gate()
    for number in range(5000):
        gate.remember([b"first", number.to_bytes(8, "big"), number.to_bytes(8, "big")])
    assert len(gate.attempts) == MOST_ATTEMPTS and gate.attempts[-1] == (4999).to_bytes(8, "big")
    assert len(set(gate.attempts)) == MOST_ATTEMPTS


class Strangers(Endpoint):
    """Asks for hundreds of IKE SAs once two are up, and speaks on as many that nobody knows."""

    many = 400

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if self.many and len(self.established()) > 1:
            source, target = (one._replace(port=500) for one in (datagram.destination, datagram.source))
            for number in range(self.many):
                spi = number.to_bytes(8, "big")
                asks = Message(spi, bytes(8), ExchangeType.IKE_SA_INIT, FLAG_INITIATOR, 0, (Nonce(bytes(32)),))
                asked = replace(asks, spi_i=spi[::-1], spi_r=b"stranger", exchange=ExchangeType.INFORMATIONAL)
                says = replace(asked, flags=FLAG_RESPONSE, payloads=(SK(PayloadType(0), bytes(32)),))
                self.outbox += [Datagram(source, target, encode_message(one)) for one in (asks, says)]
            self.many = 0


def test_a_flood_of_strangers_is_not_searched_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counted(message: Message) -> bool:
        nonlocal looks
        looks += 1
        return is_init_request(message)

    is_init_request = mailbox.is_init_request
    monkeypatch.setattr(mailbox, "is_init_request", counted)
    device = hostile("", Strangers)
    with device:
        done = tried(all_purposes()["child-rekey"], device)
    assert done.dut is not None and len(done.dut.peer.inbox) > Strangers.many
    assert done.verdict.verdict in ("pass", "fail") and looks < 8 * Strangers.many, done.verdict


def test_a_canary_that_is_to_authenticate_again_does_not_speak_for_the_script() -> None:
    demand = Notify(NotifyType.AUTH_LIFETIME, bytes(4))

    def change(message: Message) -> Message:
        last = message.exchange == ExchangeType.IKE_AUTH and message.is_response
        return replace(message, payloads=(*message.payloads, demand)) if last else message

    told = verdict_on(saying(change), "child-rekey")
    assert told.verdict == "pass", told


ADDRESSES = (CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP6_ADDRESS, CfgAttribute.INTERNAL_IP6_LINK)


def told_as(values: Callable[[bytes], tuple[bytes, ...]]) -> Callable[[Message], Message]:
    """Whatever CFG_REPLYs tell beside addresses has these values in place of its own."""

    def other(one: CfgAttr) -> tuple[CfgAttr, ...]:
        return (one,) if one.type in ADDRESSES else tuple(replace(one, value=value) for value in values(one.value))

    def changed(payload: Payload) -> Payload:
        if not isinstance(payload, CP) or payload.cfg_type != CfgType.REPLY:
            return payload
        return replace(payload, attributes=tuple(each for one in payload.attributes for each in other(one)))

    return lambda message: replace(message, payloads=tuple(map(changed, message.payloads)))


@pytest.mark.parametrize("identifier", ["aaa-dns", "aaa-dns-pair", "aaa-dns6", "aaa-nbns", "aaa-netmask", "cp-link"])
@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        (lambda one: (b"",), "fail"),
        (lambda one: (b"odd",), "fail"),
        (lambda one: (bytes(300),), "fail"),
        (lambda one: (one, b""), "pass"),
    ],
    ids=["empty", "odd", "long", "empty-beside"],
)
def test_attributes_of_any_size_lead_to_a_verdict(
    identifier: str, values: Callable[[bytes], tuple[bytes, ...]], verdict: str
) -> None:
    told = verdict_on(saying(told_as(values), after=1), identifier)
    assert told.verdict == verdict, told


def test_an_address_of_any_size_is_one_where_none_is_due() -> None:
    odd = CP(CfgType.REPLY, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS, b"odd"),))

    def change(message: Message) -> Message:
        ends = message.exchange == ExchangeType.IKE_AUTH and message.first(EAP) is None and message.is_response
        return replace(message, payloads=(*message.payloads, odd)) if ends else message

    told = verdict_on(saying(change, after=1), "aaa-pool-unknown")
    assert told.verdict == "warn" and b"odd".hex() in told.reason, told


def test_hundreds_of_sessions_all_get_an_address() -> None:
    server = Server(Random(1).randbytes, lambda: EapServer([], random=Random(1).randbytes), "10.77.0.0/24", SECRET)
    asked = read(Nas(server).access(("User-Name", "carol"), password=b"secret"), SECRET)
    given = [dict(server.grant(asked))["Framed-IP-Address"] for _ in range(600)]
    assert given[0] == "10.77.0.10" and len(set(given[:245])) == 245
    assert set(given) <= {f"10.77.0.{last}" for last in range(1, 255)}


NAME = "\x1b]0;title\x07\x1b[2J\n\u202epass"
"""What a terminal obeys, a line end, and what turns the direction of writing."""


class Named(Endpoint):
    """Has a certificate of nobody's, with such a name."""

    def __init__(self, connection: Connection, *given: Any, **named: Any) -> None:
        leaf = Authority.create(f"CA {NAME}").issue(f"device {NAME}", sans=["device.ikespec.example"])
        auth = PublicKey(leaf.chain, leaf.key)
        super().__init__(replace(connection, local=replace(connection.local, auth=auth)), *given, **named)


def test_a_name_gives_no_orders_to_a_terminal() -> None:
    device = hostile("", Named)
    with device:
        done = tried(all_purposes()["auth-certificate-untrusted"], device)
    told, peer = done.verdict, done.dut.peer if done.dut is not None else None
    assert told.verdict == "inconclusive" and "title" in told.reason, told
    assert told.reason.isprintable() and peer is not None
    assert printable(NAME) == "?]0;title??[2J??pass"
    files = evidence.evidence(peer, "")
    lines = files["transcript.txt"].decode().splitlines()
    assert any("title" in line for line in lines) and all(line.isprintable() for line in lines)
    assert "\u202e" not in json.dumps(json.loads(files["trace.json"]), ensure_ascii=False)


def test_words_are_cut_and_in_one_line() -> None:
    told = Verdict("fail", f"expected {NAME}", "a", "x" * 5000)
    assert told.reason.isprintable() and told.reason.startswith("expected ?]0;title")
    assert len(told.got) < 2100 and told.got.endswith("x ... (5000 characters)")


def test_a_message_of_thousands_of_payloads_is_told_in_a_few_words() -> None:
    many = (Notify(NotifyType.INITIAL_CONTACT),) * 8000

    def change(message: Message) -> Message:
        found = message.exchange == ExchangeType.CREATE_CHILD_SA and message.is_response
        return replace(message, payloads=many) if found else message

    device = saying(change)
    with device:
        done = tried(all_purposes()["child-rekey"], device)
    assert done.verdict.verdict == "fail" and done.dut is not None
    assert done.verdict.got.endswith("N(INITIAL_CONTACT) and 7960 more") and len(done.verdict.reason) < 2100
    tree = done.dut.peer.trace.to_json("", "")
    assert all(len(one.get("text", "")) + len(one.get("summary", "")) < 2100 for one in tree["entries"])


def test_an_error_of_the_command_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail(f"the device said {NAME}")
    assert capsys.readouterr().err == f"ikespec: the device said {printable(' '.join(NAME.split()))}\n"
