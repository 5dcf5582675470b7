"""Public values that lead to a secret which others know, in rekeys of the IKE SA (RFC 6989, sections 2.1, 2.3, 2.5)."""

from collections.abc import Iterator

from conformance.crypto.modp import modp_group, modp_methods
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import KE, SA, KeMethod
from peers.capabilities import Capability
from peers.contract import SaState
from suites.choices import ECP, MODP, including
from suites.connections import usual
from suites.create_child_sa.answers import connected, granted, refused
from suites.create_child_sa.device_rekeys import ike_rekey
from suites.dut import Dut
from suites.ike_sa_init.steps import OFF_CURVE, ZEROS, group_of, our_groups
from suites.purpose import purpose

IKE = Capability.REKEY_IKE
TESTED = usual(proposals=including(f"{ECP}-{MODP}"))
"""A group whose public values are tested."""
RANGE, EQUATION = "RFC6989-2.1-1", "RFC6989-2.3-1"


def known(group: KeMethod) -> Iterator[tuple[Bend, str]]:
    """Such values of a group of `TESTED`, each with the test that it fails."""
    if group in modp_methods():
        found = modp_group(group)
        for value, name in ((0, "0"), (1, "1"), (found.p - 1, "p-1")):
            octets = value.to_bytes(found.size, "big")
            yield bend.change(KE, f"the public value {name}", data=octets), RANGE
    else:
        yield from ((OFF_CURVE, EQUATION), (ZEROS, EQUATION))


@purpose(
    "ike-rekey-public-value", "RFC6989-2.5-6", RANGE, EQUATION, "RFC6989-2-1", role="responder", needs=(IKE,),
    connection=TESTED,
)  # fmt: skip
def test_request(peer: Peer, dut: Dut) -> None:
    """Rekeys of the IKE SA with a public value whose secret others know are refused; a right one is granted.

    Of a MODP group that is 0, 1 and p-1, of a curve a point beside it, and zeros. The tests are a SHOULD.
    """
    for bent, test in known(our_groups(peer)[0]):
        answer = connected(peer, dut).rekey(bent)
        peer.check(answer.first(SA) is None, "no SA payload", answer, test)
        refused(peer, answer, requirement="RFC6989-2.5-6")
    granted(peer, dut, connected(peer, dut).rekey(), IKE, "RFC7296-1.3.2-2")


@purpose(
    "ike-rekey-response-public-value", RANGE, EQUATION, "RFC6989-2-1", role="initiator",
    needs=(IKE, Capability.LIST_SAS), connection=TESTED,
)  # fmt: skip
def test_response(peer: Peer, dut: Dut) -> None:
    """Our responses to the device's rekeys of the IKE SA have such values: it does not use those IKE SAs."""
    group = our_groups(peer)[0]
    for bent, test in known(group):
        sa, request = ike_rekey(peer, dut)
        if group_of(request) != group:
            raise NotApplicable("the device rekeys the IKE SA with another group")
        sa.answer(request, bend=bent)
        new = sa.rekeyed
        peer.idle(peer.response_timeout / 4)
        state = dut.state(new.spi_i)
        peer.check(state != SaState.ESTABLISHED, "the new IKE SA is not used", f"it is {state}", test)
