"""Rough paths between the scripted peer and the device, and the life of an IKE SA on them."""

from dataclasses import replace
from typing import Any

from conformance.net.impaired import ImpairedLink, Impairment
from conformance.script.message import rekeys_child
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import SA, ExchangeType
from peers.capabilities import Capability
from suites.connections import Setup, certificates, usual
from suites.create_child_sa.answers import deletes_child, deletes_ike, deleting, granted
from suites.dut import Dut

PATIENT: dict[str, Any] = {"retransmit_timeout": 0.4, "retransmit_base": 1.2, "retransmit_tries": 8}
"""Both sides repeat a request soon and often, so that a purpose takes seconds where many datagrams are lost."""
LOSSES = Impairment(loss=0.35, in_a_row=2)
ROUGH = Impairment(loss=0.25, in_a_row=2, duplicate=0.25, reorder=0.25, delay=0.01, jitter=0.02)
COPIES = Impairment(duplicate=1.0, reorder=0.5)
SHUFFLED = Impairment(duplicate=0.3, reorder=0.5, jitter=0.01)


def patient() -> Setup:
    """A shared key, and `PATIENT`."""
    return usual(**PATIENT)


def patient_fragments() -> Setup:
    """Certificates and small fragments, so that IKE_AUTH is many datagrams, and `PATIENT`."""
    return certificates(fragment_size=300, **PATIENT)


def impair(peer: Peer, impairment: Impairment) -> ImpairedLink:
    """From now on the path is impaired in both directions. The seed of the run decides how: it can be run again."""
    seed = peer.random(8)
    peer.note(f"the path: {impairment}, seed {seed.hex()}")
    link = ImpairedLink(peer.link, seed, impairment, peer.note)
    peer.link = link
    peer.response_timeout = max(peer.response_timeout, 10.0)
    return link


def impair_initiator(peer: Peer, dut: Dut, impairment: Impairment) -> ImpairedLink:
    """As `impair`, where the device initiates: what gets lost is waited for as long as it repeats its requests."""
    if not impairment.loss:
        return impair(peer, impairment)
    own = dut.retransmission
    if own.tries < 5:
        raise NotApplicable(f"the device repeats a request {own.tries} times only")
    link = impair(peer, impairment)
    peer.response_timeout = max(peer.response_timeout, own.patience)
    peer.connection = replace(peer.connection, retransmit_tries=25)
    return link


def live_as_initiator(peer: Peer, dut: Dut, link: ImpairedLink, requirement: str) -> None:
    """All usual exchanges, begun by us: each must come to its end. What the device does not claim it may refuse."""
    sa = peer.sa()
    answer = sa.init()
    peer.expect(answer, SA, requirement)
    sa.auth()
    sa.must_be_established(requirement)
    answer = sa.rekey_child()
    if Capability.REKEY_CHILD in dut.device.capabilities:
        granted(peer, dut, answer, Capability.REKEY_CHILD, requirement)
    sa.finish()
    sa.tidy = False  # a device that has deleted an IKE SA may not answer when the Delete is repeated
    answer = sa.rekey()
    if Capability.REKEY_IKE in dut.device.capabilities:
        granted(peer, dut, answer, Capability.REKEY_IKE, requirement)
    if sa.successor is not None:
        # One that cannot be told to rekey may grant it all the same.
        sa = sa.rekeyed
    peer.check(len(sa.children) == 1, "one Child SA after both rekeys", len(sa.children), requirement)
    sa.liveness()
    suffer(link, sa)


def accept_initiator(peer: Peer, dut: Dut, requirement: str) -> ScriptedSa:
    """The device opens the IKE SA."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH))
    sa.must_be_established(requirement)
    peer.pause()
    sa.liveness()
    return sa


def live_as_responder(peer: Peer, link: ImpairedLink, dut: Dut, requirement: str) -> None:
    """The usual exchanges, begun by the device: each must come to its end."""
    sa = accept_initiator(peer, dut, requirement)
    dut.rekey_child()
    sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child))
    deleting(sa, deletes_child)
    settle(sa)
    suffer(link, sa)
    dut.delete_ike()
    sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_ike, requirement=requirement)


def settle(sa: ScriptedSa) -> None:
    """Liveness checks until the device has surely taken what we sent before."""
    if sa.held is not None:
        sa.answer(sa.held)
    sa.liveness()
    sa.liveness()


def suffer(link: ImpairedLink, sa: ScriptedSa) -> None:
    """Go on with liveness checks until something was lost each way, where the path loses anything.

    Else nothing is proved: the device must repeat a response, and take a request that comes again.
    """
    before = link.lost
    for _ in range(100):
        sa.liveness()
        if all(now > then for now, then in zip(link.lost, before, strict=True)) or not link.impairment.loss:
            return
