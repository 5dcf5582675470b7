"""A results folder as a run would leave it, made up: a device with a few faults, with conversations that could be real.

``python -m tests.reports.sample FOLDER [MORE]`` writes one with its reports to look at, with so many purposes more.
"""

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from conformance.net import NON_ESP_MARKER, Address, Datagram, PcapngWriter
from conformance.script.trace import Entry, Trace
from conformance.wire import (
    AUTH,
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    KE,
    SA,
    AuthMethod,
    Encr,
    Esn,
    ExchangeType,
    IDi,
    IDr,
    IdType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    Prf,
    Proposal,
    ProtocolID,
    TrafficSelector,
    Transform,
    TSi,
    TSr,
    UnknownPayload,
    encode_message,
)

OURS, DEVICE = "10.91.0.1", "10.91.0.2"
START = 1_795_248_000.0
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\x1b[31m\x00\u2028"
)
RNG = Random(7)


def octets(count: int) -> bytes:
    return RNG.randbytes(count)


IKE = Proposal(
    1,
    ProtocolID.IKE,
    (
        Transform.of(Encr.AES_GCM_16, key_length=128),
        Transform.of(Prf.HMAC_SHA2_256),
        Transform.of(KeMethod.CURVE25519),
    ),
)


def esp() -> SA:
    transforms = (Transform.of(Encr.AES_GCM_16, key_length=128), Transform.of(Esn.NO))
    return SA((Proposal(1, ProtocolID.ESP, transforms, octets(4)),))


def init_payloads() -> tuple[Payload, ...]:
    return (
        SA((IKE,)),
        KE(KeMethod.CURVE25519, octets(32)),
        Nonce(octets(32)),
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, octets(20)),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, octets(20)),
        Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
    )


@dataclass(slots=True)
class Conversation:
    """Builds a trace; ``initiator``: our side is the initiator of the IKE SA."""

    initiator: bool = True
    trace: Trace = field(default_factory=Trace)
    now: float = START
    port: int = 500
    spi_i: bytes = field(default_factory=lambda: octets(8))
    spi_r: bytes = bytes(8)

    def say(
        self,
        sent: bool,
        exchange: ExchangeType,
        message_id: int,
        *payloads: Payload,
        response: bool = False,
        **more: Any,
    ) -> None:
        self.now += 0.0012
        flags = (FLAG_RESPONSE if response else 0) | (FLAG_INITIATOR if sent == self.initiator else 0)
        message = Message(self.spi_i, self.spi_r, exchange, flags, message_id, payloads)
        encrypted = exchange is not ExchangeType.IKE_SA_INIT
        body = octets(28 + sum(20 for _ in payloads)) if encrypted else b""
        raw = encode_message(replace(message, payloads=())) + body if encrypted else encode_message(message)
        ends = (Address(OURS, self.port), Address(DEVICE, self.port))
        source, destination = ends if sent else ends[::-1]
        datagram = Datagram(source, destination, (NON_ESP_MARKER if self.port == 4500 else b"") + raw)
        self.trace.add(Entry(self.now, "message", "", sent, datagram, message, encrypted, **more))

    def note(self, text: str) -> None:
        self.trace.note(self.now, text)

    def expect(self, text: str, ok: bool | None = True) -> None:
        self.now += 0.0004
        self.trace.expect(self.now, text, ok)

    def keepalive(self) -> None:
        self.now += 20
        datagram = Datagram(Address(DEVICE, 4500), Address(OURS, 4500), b"\xff")
        self.trace.add(Entry(self.now, "raw", "NAT keepalive", False, datagram))

    def handshake(self) -> None:
        ours = self.initiator
        self.say(ours, ExchangeType.IKE_SA_INIT, 0, *init_payloads())
        self.spi_r = octets(8)
        self.say(not ours, ExchangeType.IKE_SA_INIT, 0, *init_payloads(), response=True)
        self.port = 4500
        net = (TSi((TrafficSelector.net("10.1.0.0/24"),)), TSr((TrafficSelector.net("10.2.0.0/24"),)))
        auth = AUTH(AuthMethod.SHARED_KEY_MIC, octets(32))
        initiator = (IDi(IdType.FQDN, b"tester.example"), IDr(IdType.FQDN, b"gateway.example"), auth, esp(), *net)
        self.say(ours, ExchangeType.IKE_AUTH, 1, *initiator)
        self.say(
            not ours, ExchangeType.IKE_AUTH, 1, IDr(IdType.FQDN, b"gateway.example"), auth, esp(), *net, response=True
        )
        self.expect("the IKE SA and its Child SA are established")


def cookie_echo() -> Conversation:
    talk = Conversation(initiator=False)
    talk.note("the device is told to initiate")
    talk.expect("an IKE_SA_INIT request", None)
    first = init_payloads()
    talk.say(False, ExchangeType.IKE_SA_INIT, 0, *first)
    talk.expect("an IKE_SA_INIT request with SA, KE, Ni")
    cookie = Notify(NotifyType.COOKIE, octets(32))
    bent = "answered with a cookie, though there is no flood"
    talk.say(True, ExchangeType.IKE_SA_INIT, 0, cookie, response=True, bent=bent)
    talk.expect("the request again, with the cookie first", None)
    talk.say(False, ExchangeType.IKE_SA_INIT, 0, *first[:2], cookie, *first[2:])
    talk.expect("the cookie as first payload", False)
    return talk


def critical() -> Conversation:
    talk = Conversation()
    talk.handshake()
    unknown = UnknownPayload(200, b"what is this?", critical=True)
    talk.say(True, ExchangeType.INFORMATIONAL, 2, unknown, bent="an unknown payload of type 200 with the critical bit")
    talk.expect("N(UNSUPPORTED_CRITICAL_PAYLOAD)", None)
    talk.say(False, ExchangeType.INFORMATIONAL, 2, response=True)
    talk.expect("N(UNSUPPORTED_CRITICAL_PAYLOAD)", False)
    return talk


def retransmission() -> Conversation:
    talk = Conversation()
    talk.handshake()
    talk.keepalive()
    talk.say(True, ExchangeType.INFORMATIONAL, 2)
    talk.say(False, ExchangeType.INFORMATIONAL, 2, response=True)
    talk.say(True, ExchangeType.INFORMATIONAL, 2, bent="the same request once more, octet by octet")
    talk.say(False, ExchangeType.INFORMATIONAL, 2, response=True, problem="offset 44: SK.icv: the ICV is wrong")
    talk.expect("the same response, octet by octet")
    return talk


def plain() -> Conversation:
    talk = Conversation()
    talk.handshake()
    return talk


def hostile() -> Conversation:
    talk = Conversation()
    talk.say(True, ExchangeType.IKE_SA_INIT, 0, *init_payloads(), Notify(NotifyType(40999), HOSTILE.encode()))
    talk.note(HOSTILE)
    talk.say(False, ExchangeType.IKE_SA_INIT, 0, UnknownPayload(201, HOSTILE.encode()), response=True, problem=HOSTILE)
    talk.expect(HOSTILE, False)
    return talk


LOG = """08[NET] received packet: from 10.91.0.1[500] to 10.91.0.2[500] (232 bytes)
08[ENC] parsed IKE_SA_INIT request 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) N(FRAG_SUP) ]
08[IKE] 10.91.0.1 is initiating an IKE_SA
08[CFG] selected proposal: IKE:AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519
08[NET] sending packet: from 10.91.0.2[500] to 10.91.0.1[500] (240 bytes)
"""


def record(purpose: str, title: str, subject: str, verdict: str = "pass", **more: Any) -> dict[str, Any]:
    unexpected = verdict in ("fail", "inconclusive") and more.get("known") is None
    return {
        "schema": 1,
        "purpose": purpose,
        "title": title,
        "subject": subject,
        "requirements": ["RFC7296-2.6-9"],
        "level": "MUST",
        "role": "responder",
        "tier": "quick",
        "verdict": verdict,
        "kind": {"fail": "violation", "inconclusive": "untried", "warn": "advice"}.get(verdict, ""),
        "known": None,
        "unexpected": unexpected,
        "reason": "",
        "expected": "",
        "got": "",
        "requirement": None,
        "seed": 1,
        "started": "2026-11-21T08:00:00.000+00:00",
        "duration": 0.0421,
        "waits": 0,
        "module": f"suites/{subject}/test_{subject}.py::test_{purpose.replace('-', '_')}",
        "evidence": f"evidence/{purpose}",
        **more,
    }


def records() -> list[tuple[dict[str, Any], Conversation | None]]:
    cookie = record(
        "init-cookie-echo",
        "The initiator returns a cookie first and everything else unchanged.",
        "ike_sa_init",
        "fail",
        role="initiator",
        requirements=["RFC7296-2.6-8", "RFC7296-2.6-9", "RFC7296-2.6-10"],
        requirement="RFC7296-2.6-9",
        reason="expected the cookie as first payload, got SA, KE, N(COOKIE), Ni",
        expected="N(COOKIE) as first payload",
        got="IKE_SA_INIT request 0: SA, KE, N(COOKIE), Ni, N(NAT_DETECTION_SOURCE_IP)",
    )
    bit = record(
        "critical-unknown-rejected",
        "A request with an unknown critical payload is rejected.",
        "format",
        "fail",
        requirements=["RFC7296-2.5-5", "RFC7296-2.5-6"],
        requirement="RFC7296-2.5-5",
        duration=0.231,
        reason="expected N(UNSUPPORTED_CRITICAL_PAYLOAD), got an empty INFORMATIONAL response",
        expected="N(UNSUPPORTED_CRITICAL_PAYLOAD) with the payload type 200",
        got="INFORMATIONAL response 2: empty",
    )
    rekey = record(
        "rekey-collision-nonce",
        "Of two crossing rekeys the one with the lowest nonce goes.",
        "create_child_sa",
        "fail",
        known={"reason": "deletes both SAs after a collision", "until": "2027-06-30", "reference": "issue 1187"},
        reason="expected one Child SA after the collision, got none",
        requirement="RFC7296-2.8.1-3",
        requirements=["RFC7296-2.8.1-3"],
        expected="exactly one Child SA",
        got="none",
        tier="slow",
        duration=12.4,
        waits=10,
    )
    broken = record(
        "auth-cert-chain",
        "A certificate chain of three is accepted.",
        "ike_auth",
        "inconclusive",
        reason="the device has not started within 10 s",
        evidence=None,
        duration=10.02,
    )
    advice = record(
        "init-cookie-size",
        "A cookie has between 1 and 64 octets.",
        "ike_sa_init",
        "warn",
        level="SHOULD",
        reason="expected at most 64 octets, got 72",
        requirement="RFC7296-2.6-7",
        requirements=["RFC7296-2.6-7"],
    )
    odd = record(
        "hostile-device",
        f"What a device says is no markup {HOSTILE}",
        "format",
        "fail",
        reason=HOSTILE,
        expected=HOSTILE,
        got=HOSTILE,
        requirements=["RFC9999-1-1"],
        requirement="RFC9999-1-1",
    )
    absent = record(
        "mobike-update",
        "The addresses of an SA move with the initiator.",
        "mobike",
        "n/a",
        evidence=None,
        duration=0.0,
        reason="the device does not claim mobike",
    )
    same = record(
        "retransmit-same-response",
        "A repeated request gets the same response.",
        "message_ids",
        requirements=["RFC7296-2.1-1", "RFC7296-2.1-2"],
        tier="slow",
        duration=21.3,
        waits=20,
    )
    crash = record(
        "format-short", "A short datagram is ignored.", "format", "fail", kind="crash", requirements=["RFC7296-2.1-1"],
        reason="the device has died: signal SIGSEGV", expected="a device that stays alive", got="it died",
    )  # fmt: skip
    hang = record(
        "format-loop", "A payload of length 0 is refused.", "format", "fail", kind="hang", evidence=None,
        reason="the device hangs: it answers no IKE any more", expected="a device that goes on answering", got="none",
    )  # fmt: skip
    rooted = [
        record(
            f"auth-untrusted-{number}", "Who is not trusted is not authenticated.", "ike_auth", "fail", kind="bypass",
            reason=f"expected no AUTH in the response, got AUTH {number}", expected="no AUTH in the response",
            got=f"AUTH {number}", requirement="RFC7296-1.2-18", requirements=["RFC7296-1.2-18"], evidence=None,
        )
        for number in range(3)
    ]  # fmt: skip
    secret = record(
        "auth-secret", "A purpose under embargo.", "ike_auth", "fail", kind="", reason="under embargo", embargo=True,
        evidence=None,
    )  # fmt: skip
    flaky = record(
        "init-flaky", "It passes at the second try.", "ike_sa_init", flaky=True, evidence=None,
        earlier=[{"verdict": "fail", "kind": "violation", "reason": "expected an answer, got nothing",
                  "requirement": "RFC7296-2.1-1", "evidence": None, "duration": 2.0}],
    )  # fmt: skip
    mended = record(
        "init-mended", "It was wrong in an earlier release.", "ike_sa_init", evidence=None,
        fixed={"purpose": "init-mend*", "reason": "forgets the cookie", "until": None, "reference": "issue 3"},
    )  # fmt: skip
    passing = [
        record(
            f"{subject.replace('_', '-')}-plain-{number}",
            f"An ordinary conversation, variant {number}.",
            subject,
            role=("initiator", "responder")[number % 2],
        )
        for subject in ("ike_sa_init", "ike_auth", "create_child_sa", "informational", "fragmentation")
        for number in range(1, 5)
    ]
    return [
        *[(one, plain()) for one in passing],
        (cookie, cookie_echo()),
        (bit, critical()),
        (rekey, plain()),
        (broken, None),
        (advice, plain()),
        (odd, hostile()),
        (absent, None),
        (same, retransmission()),
        (crash, plain()),
        *[(one, None) for one in (hang, *rooted, secret, flaky, mended)],
    ]


def write_evidence(folder: Path, talk: Conversation, log: str) -> None:
    folder.mkdir(parents=True)
    trace = json.dumps(talk.trace.to_json(OURS, DEVICE), ensure_ascii=False)
    (folder / "trace.json").write_text(trace, encoding="utf-8")
    (folder / "transcript.txt").write_text(talk.trace.transcript(), encoding="utf-8")
    (folder / "device.log").write_text(log, encoding="utf-8")
    (folder / "ikev2_decryption_table").write_text("")
    with PcapngWriter(folder / "capture.pcapng") as capture:
        for entry in talk.trace.entries:
            if entry.datagram is not None:
                capture.datagram(entry.time, entry.datagram, entry.bent or None)


def run_json(selected: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "started": "2026-11-21T08:00:00.000+00:00",
        "finished": "2026-11-21T08:00:48.300+00:00",
        "device": {"name": "strongSwan", "version": "5.9.14", "backend": "vici, netns", "capabilities": ["initiate"]},
        "command": ["bin/ikespec", "run", "--dut", "strongswan"],
        "again": ["bin/ikespec", "run", "{purpose}", "--dut", "strongswan:netns", "--deviations", "known ones.toml"],
        "seed": 1,
        "host": {"python": "3.11.7", "platform": "Linux-6.1"},
        "selected": selected,
    }


def write_sample(folder: Path, more: int = 0) -> Path:
    """Write a results folder without reports."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = records()
    for number in range(more):
        subject = f"subject_{number % 12}"
        pairs.append((record(f"more-{number}", f"One of many, number {number}.", subject), plain()))
    with (folder / "results.jsonl").open("w", encoding="utf-8") as lines:
        for one, talk in pairs:
            lines.write(json.dumps(one, ensure_ascii=False) + "\n")
            if talk is not None:
                write_evidence(folder / one["evidence"], talk, HOSTILE if one["purpose"] == "hostile-device" else LOG)
    (folder / "run.json").write_text(json.dumps(run_json(len(pairs))))
    return folder


if __name__ == "__main__":
    from reports import write_all

    write_all(write_sample(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
