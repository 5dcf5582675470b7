"""Real exchanges with an unknown device, whose half-open IKE SAs are ended again."""

from collections.abc import Sequence

from conformance.crypto import CryptoError, Random
from conformance.crypto.keywords import keyword
from conformance.ike.core.connection import ChildConfig, Connection, Identity, Party, Psk
from conformance.ike.core.events import Violation
from conformance.net.link import Address, Link
from conformance.probe.algorithms import computable_groups
from conformance.probe.question import Box
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import SA, ExchangeType, KeMethod, Message, Notify, NotifyType, Proposal

NOBODY = Party(Identity.of("probe.ikespec.example"), Psk(b"nobody's"))

MAX_ROUNDS = 4
"""Cookies and wrong groups make us ask again, but not for ever (RFC 7296, section 2.6.1)."""
_AGAIN = (NotifyType.COOKIE, NotifyType.INVALID_KE_PAYLOAD)


def texts(boxes: Sequence[Box]) -> tuple[str, ...]:
    """Boxes as proposals in keywords."""
    return tuple("-".join(keyword(one) for one in box.transforms) for box in boxes)


class Exchanges:
    """Our end of real exchanges. ``opened`` counts the IKE SAs, ``problem`` says why the last one did not come up."""

    def __init__(self, link: Link, local: Address, remote: Address, random: Random, timeout: float) -> None:
        """On a link that others use, too, but never at the same time."""
        connection = Connection(
            NOBODY,
            NOBODY,
            proposals=("aes128-sha256-modp2048",),
            children=(ChildConfig("net", ("aes128-sha256",)),),
            local_address=local.host,
            remote_address=remote.host,
            local_ports=(local.port, 4500 if local.port != 4500 else 0),
            remote_ports=(remote.port, 4500 if remote.port != 4500 else 0),
            retransmit_timeout=timeout / 3,
        )
        self.peer = Peer(link, connection, random, timeout)
        self.opened = 0
        self.problem = ""

    def choose(self, boxes: Sequence[Box]) -> Proposal | KeMethod | None:
        """What the device chooses; its IKE SA is ended at once."""
        answer = self.open(boxes)
        if answer is None:
            return None
        found = answer.first(SA)
        if found is not None:
            return found.proposals[0] if len(found.proposals) == 1 else None
        wanted = answer.notify(NotifyType.INVALID_KE_PAYLOAD)
        return KeMethod(int.from_bytes(wanted.data, "big")) if wanted is not None and len(wanted.data) == 2 else None

    def open(self, boxes: Sequence[Box], *announced: Notify) -> Message | None:
        """The last response of IKE_SA_INIT; COOKIE and INVALID_KE_PAYLOAD are obeyed. None: none came."""
        offered = computable_groups(boxes)
        if not offered:
            return None
        sa = self.peer.sa(proposals=texts(offered))
        self.opened += 1
        try:
            said = _with(announced)
            answer = sa.init(said, follow=False)
            for _ in range(MAX_ROUNDS):
                if sa.keys is not None or not any(answer.notify(one) is not None for one in _AGAIN):
                    break
                answer = sa.obey(answer, said)
        except (Unexpected, Inconclusive, Violation, CryptoError) as nothing:
            self.problem = str(nothing)
            return None
        finally:
            self._end(sa)
        self.problem = sa.problem
        return answer

    def _end(self, sa: ScriptedSa) -> None:
        """End a half-open IKE SA: an IKE_AUTH request without payloads names nobody and must be refused (2.21.2).

        Whoever does not end it then does so after a while by itself. Nobody waits for the refusal: some say nothing.
        """
        if sa.keys is not None:
            sa.send(ExchangeType.IKE_AUTH)
            self.peer.pause()
        self.peer.sas.pop(sa.own_spi, None)


def _with(announced: Sequence[Notify]) -> Bend:
    found = bend.STRAIGHT
    for one in announced:
        found |= bend.append(one)
    return found
