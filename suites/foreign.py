"""Algorithms that a device does not take, as it is configured: what it must refuse, and what it has not offered.

A device that takes any configuration refuses what it is not configured with just now. Of one that was configured by
hand only its file can say so. What it has not offered can be seen in its request.
"""

from collections.abc import Iterator
from itertools import zip_longest

from conformance.crypto.keywords import transform
from conformance.crypto.suite import proposal
from conformance.ike.core.connection import Connection
from conformance.ike.core.proposals import is_longer, of_type, protocol_of
from conformance.script.verdict import Inconclusive, NotApplicable
from conformance.wire import SA, Encr, ProtocolID, Transform, TransformType
from peers.algorithms import ALL, KINDS, combined, computable, written
from peers.capabilities import Capability
from suites.choices import ENCR, IKE, INTEG, KE, PRF
from suites.dut import Dut


def foreign(dut: Dut, kind: TransformType, protocol: ProtocolID = IKE) -> Transform:
    """A transform of one type that the device does not take. Raises NotApplicable."""
    found = next(_foreign(dut, kind, protocol), None)
    if found is None:
        raise NotApplicable(f"nobody says which {KINDS[kind]} the device refuses for {protocol.name}")
    return found


def unoffered(sa: SA | None, kind: TransformType) -> Transform:
    """A transform of one type that no proposal of a request has. Raises Inconclusive for one without any."""
    if sa is None or not sa.proposals:
        raise Inconclusive("the request offers nothing")
    offered = [one for each in sa.proposals for one in each.transforms]
    protocol = ProtocolID(sa.proposals[0].protocol)
    found = next(_beyond(offered, kind, ALL.transforms(protocol)), None)
    if found is None:
        raise NotApplicable(f"the device offers every {KINDS[kind]}")
    return found


_ALL_KINDS = (ENCR, PRF, INTEG, KE)


def refused(
    dut: Dut, count: int = 1, protocol: ProtocolID = IKE, kinds: tuple[TransformType, ...] = _ALL_KINDS
) -> tuple[str, ...]:
    """Suites like that of the device, but with one algorithm of ``kinds`` which it does not take, another one each."""
    suite = own(dut, protocol)
    others = [[(kind, one) for one in _foreign(dut, kind, protocol)] for kind in kinds]
    found = [
        written(other if one.type == kind else one for one in suite)
        for row in zip_longest(*others)
        for kind, other in filter(None, row)
        if any(one.type == kind for one in suite)
    ]
    if len(found) < count:
        raise NotApplicable(f"nobody says which algorithms the device refuses for {protocol.name}")
    return tuple(found[:count])


def beside(text: str, protocol: ProtocolID = IKE) -> str:
    """A proposal with one algorithm more of each type: before those that it has, the key exchange method after them."""
    ours = list(proposal(text, 1, protocol).transforms)
    kinds = [kind for kind in _ALL_KINDS if any(one.type == kind for one in ours)]
    others = [next(_beyond(ours, kind, ALL.transforms(protocol))) for kind in kinds]
    return written((*(one for one in others if one.type != KE), *ours, *(one for one in others if one.type == KE)))


def other(text: str, protocol: ProtocolID = IKE) -> str:
    """The proposal with other ciphers than it has; the device may take them or not."""
    ours = list(proposal(text, 1, protocol).transforms)
    cipher = next(_beyond(ours, ENCR, ALL.transforms(protocol)))
    return written((cipher, *(one for one in ours if one.type != ENCR)))


def own(dut: Dut, protocol: ProtocolID = IKE) -> tuple[Transform, ...]:
    """The first suite of our connection, which the device takes."""
    one = proposal(_named(dut.peer.connection, protocol)[0], 1, protocol)
    return tuple(of_type(one, TransformType(kind))[0] for kind in dict.fromkeys(each.type for each in one.transforms))


def _named(connection: Connection, protocol: ProtocolID) -> tuple[str, ...]:
    if protocol == IKE:
        return connection.proposals
    return tuple(text for text in connection.children[0].proposals if protocol_of(text) == protocol)


def _foreign(dut: Dut, kind: TransformType, protocol: ProtocolID) -> Iterator[Transform]:
    ours = [one for text in _named(dut.connection, protocol) for one in proposal(text, 1, protocol).transforms]
    if Capability.CONFIGURABLE in dut.device.capabilities:
        known = ALL.transforms(protocol)
    else:
        known = tuple(transform(word) for word in dut.pixit.algorithms.refused)
    return _beyond(ours, kind, known)


def _beyond(ours: list[Transform], kind: TransformType, known: tuple[Transform, ...]) -> Iterator[Transform]:
    """Of the same sort, too: a cipher that needs an integrity algorithm beside it in place of one that does.

    A larger key of a cipher that it takes is no stranger: it should take that, too (RFC 7296, section 3.3.5).
    """
    sort = next((combined(one) for one in ours if one.type == ENCR), None)
    for one in known:
        alike = kind != ENCR or (one.id != Encr.NULL and combined(one) == sort)
        taken = one in ours or any(is_longer(one, mine) for mine in ours if mine.type == one.type)
        if one.type == kind and not taken and alike and computable(one):
            yield one
