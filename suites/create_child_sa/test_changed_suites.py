"""Rekeys of the IKE SA that change its cipher or its key exchange method (RFC 7296, sections 1.3.2 and 2.18)."""

from dataclasses import replace

from conformance.crypto.suite import IkeSuite
from conformance.ike.core.proposals import groups, parsed
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import NotifyType
from peers.capabilities import Capability
from suites.choices import ENCR, KE, two
from suites.connections import usual
from suites.create_child_sa.answers import connected, granted, inherited
from suites.dut import Dut
from suites.purpose import purpose

REKEY = Capability.REKEY_IKE
KEYS, MADE = "RFC7296-2.18-9", "RFC7296-1.3.2-5"


def to_the_other(peer: Peer, dut: Dut) -> None:
    """Rekey the IKE SA with that of our two suites which it does not have; the new one works and has the Child SA.

    A device may insist on what is in use, as it may refuse any proposal.
    """
    sa = connected(peer, dut)
    assert sa.keys is not None
    suites = {text: IkeSuite.of(parsed((text,))[0]) for text in peer.connection.proposals}
    other = (next(text for text, suite in suites.items() if suite != sa.keys.suite),)
    sa.connection = replace(sa.connection, proposals=other)
    answer = sa.rekey(group=groups(parsed(other))[0])
    if answer.notify(NotifyType.NO_PROPOSAL_CHOSEN):
        raise NotApplicable("the device rekeys an IKE SA with the algorithms that it has")
    granted(peer, dut, answer, REKEY, MADE)
    sa.finish()
    inherited(peer, dut, sa.rekeyed, KEYS)


@purpose(
    "ike-rekey-other-cipher", KEYS, MADE, role="responder", needs=(REKEY,),
    connection=usual(proposals=two(ENCR, apart=True)),
)  # fmt: skip
def test_cipher(peer: Peer, dut: Dut) -> None:
    """The rekey changes the cipher: the new IKE SA has keys of its size, and the Child SA of the old one."""
    to_the_other(peer, dut)


@purpose(
    "ike-rekey-other-group", KEYS, MADE, role="responder", needs=(REKEY,),
    connection=usual(proposals=two(KE, apart=True)),
)  # fmt: skip
def test_group(peer: Peer, dut: Dut) -> None:
    """The rekey changes the key exchange method: its secret makes the new keys, whatever its size."""
    to_the_other(peer, dut)
