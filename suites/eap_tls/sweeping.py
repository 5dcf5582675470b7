"""Sweeps over the handshake: everything that can be wrong with each of our messages, from their definitions.

A bent message is in the transcript as it was sent, so that a lenient device may take it and come to the same keys. What
must not be is that a proof counts that proves nothing, that a device ends EAP before TLS has ended, or that it dies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random

from conformance.eap.layout import Body
from conformance.eap.sweep import Variation, variations
from conformance.eap.tls_method import TlsMethod
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.tls import TlsBend, TlsVersion
from conformance.tls.messages import CertificateVerify, Finished, ServerKeyExchange, read_message
from conformance.wire import EapCode
from suites.dut import Dut
from suites.eap.sweeping import BATCH, LONGEST, SILENCES, leave, part
from suites.eap_tls.conduct import Played, served, told
from suites.eap_tls.deviation import Deviation, Note, varied
from suites.ike_auth.refusal import NOT_CREATED, control
from suites.ike_auth.steps import must_be_accepted_by

SAMPLE = 16
"""Variations of a reduced sweep."""
MORE = 100
"""Variations of one that takes its time; which ones, says the seed of the run."""
FURTHER = re.compile(r"\[[1-9]\d*\] Number16")
"""What speaks of a number in a list that is not the first one: all are read alike."""
PROOFS: tuple[type[Body], ...] = (CertificateVerify, Finished)
"""Messages of which no octet may be another one."""


@dataclass(frozen=True, slots=True)
class Case:
    """One variation of one message."""

    body: Body
    one: Variation
    version: TlsVersion

    @property
    def deviation(self) -> Deviation:
        """That variation, of the first message of its class."""
        return varied(type(self.body), self.version, self.one)

    @property
    def proves_nothing(self) -> bool:
        """Whether it must be refused: a proof with other octets, and not only with some behind it."""
        if not isinstance(self.body, (*PROOFS, ServerKeyExchange)):
            return False
        straight, bent = self.body.encode(), self.one.change(self.body).encode()
        if isinstance(self.body, ServerKeyExchange):
            return len(straight) == len(bent) and straight != bent
        return bent[4 : len(straight)] != straight[4:]


def observing(version: TlsVersion, found: list[Body]) -> Deviation:
    """Nothing wrong, and each message that we send is kept."""

    def shape(method: TlsMethod, note: Note) -> TlsMethod:
        def kept(octets: bytes) -> bytes:
            note("seen")
            found.append(read_message(octets, version))
            return octets

        method.config = replace(method.config, bend=TlsBend("", message=kept))
        return method

    return Deviation("nothing", shape, version)


def cases(bodies: Sequence[Body], version: TlsVersion) -> list[Case]:
    """All variations of these messages, the first one of each class; those of a hello, which are most, at the end."""
    first = {type(one): one for one in reversed(bodies)}
    return [
        Case(body, one, version) for body in first.values() for one in variations(body) if not FURTHER.search(one.text)
    ]


def chosen_of(peer: Peer, found: Sequence[Case], *, more: bool) -> list[Case]:
    """Some of them: few, the same ones each time, or many, others with each seed."""
    return Random(peer.random(8)).sample(found, min(len(found), MORE)) if more else sample(found)


def sample(found: Sequence[Case], size: int = SAMPLE) -> list[Case]:
    """Some of each message, of what must be refused and of what may be taken."""
    kinds: dict[tuple[bool, str], list[Case]] = {}
    for one in found:
        kinds.setdefault((not one.proves_nothing, type(one.body).__name__), []).append(one)
    chosen = []
    for kind, alike in sorted(kinds.items()):
        chosen += Random(f"sweep of TLS {kind}").sample(alike, min(len(alike), -(-size // len(kinds))))
    return chosen


# --- the device as responder ------------------------------------------------------------------------------------------


def sweep(peer: Peer, version: TlsVersion, *, more: bool = False) -> None:
    """Each variation of each message of ours as the client; after each batch an ordinary handshake."""
    bodies: list[Body] = []
    straight = told(peer, observing(version, bodies))
    if straight.code != EapCode.SUCCESS:
        straight.must_speak()
    with peer.preamble(f"EAP-TLS with {version}"):
        peer.check(straight.code == EapCode.SUCCESS, "EAP-Success", straight.why)
        _finish(peer, straight)
    found = cases(bodies, version)
    chosen = chosen_of(peer, found, more=more)
    silent: list[str] = []
    until = peer.link.now() + LONGEST[more]
    for count, case in enumerate(chosen, 1):
        if peer.link.now() > until:
            peer.note(f"no time for {len(chosen) - count + 1} of {len(chosen)} variations")
            break
        peer.note(case.deviation.text)
        played = told(peer, case.deviation)
        _must_be_harmless(peer, case, played)
        if played.silent is not None:
            silent.append(case.deviation.text)
        if count % BATCH == 0 or len(silent) == SILENCES:
            control(peer)
        if len(silent) == SILENCES:
            break
    control(peer)
    peer.check(not silent, "an EAP-Failure or an error notify", f"nothing for {'; '.join(silent)}", "RFC7296-2.21.2-1")


def _must_be_harmless(peer: Peer, case: Case, played: Played) -> None:
    text = case.deviation.text
    success = played.code == EapCode.SUCCESS
    if case.proves_nothing and played.applied:
        peer.check(not success, f"no EAP-Success after {text}", played.last, NOT_CREATED, bypass=True)
    if success:
        _finish(peer, played)
    elif played.stuck:
        leave(played.sa)
    played.sa.pending = None


def _finish(peer: Peer, played: Played) -> None:
    """Both have the same keys, and the IKE SA comes up."""
    sa = played.sa
    assert played.last is not None
    try:
        sa.conclude(sa.proceed(played.last))
    except Unexpected:
        expected = f"no EAP-Success as long as TLS has not ended, after {played.deviation.text}"
        peer.check(False, expected, f"EAP-Success, though {sa.problem}", NOT_CREATED, bypass=True)
    sa.must_be_established()
    with suppress(Unexpected):
        sa.delete()


# --- the device as initiator ------------------------------------------------------------------------------------------


def sweep_initiator(peer: Peer, dut: Dut, version: TlsVersion, *, more: bool = False) -> None:
    """Each variation of each message of ours as the server."""
    bodies: list[Body] = []
    played, attempt, request = served(peer, dut, observing(version, bodies))
    if played.last is None:
        played.must_speak()
    with peer.preamble(f"EAP-TLS with {version}"):
        peer.check(played.last is not None, "AUTH", played.why)
        attempt.sa.answer(request)
        must_be_accepted_by(attempt.sa)
    part(peer, dut, attempt.sa)
    found = cases(bodies, version)
    chosen = chosen_of(peer, found, more=more)
    until = peer.link.now() + LONGEST[more]
    for count, case in enumerate(chosen):
        if peer.link.now() > until:
            peer.note(f"no time for {len(chosen) - count} of {len(chosen)} variations")
            break
        peer.note(case.deviation.text)
        _must_not_convince(peer, dut, case)


def _must_not_convince(peer: Peer, dut: Dut, case: Case) -> None:
    text = case.deviation.text
    played, attempt, request = served(peer, dut, case.deviation)
    if played.last is None:
        part(peer, dut, attempt.sa)
        return
    expected = f"no AUTH payload after {text}"
    peer.check(not (case.proves_nothing and played.applied), expected, request, NOT_CREATED, bypass=True)
    server = attempt.sa.as_server
    ended = server is not None and server.outcome.name == "SUCCESS"
    peer.check(ended, f"no AUTH payload before EAP-Success, after {text}", request, "RFC3748-4.2-3", bypass=True)
    attempt.sa.answer(request)
    part(peer, dut, attempt.sa)
