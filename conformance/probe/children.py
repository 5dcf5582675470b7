"""What a device takes for Child SAs, asked on an IKE SA that is up (RFC 7296, sections 1.3.1 and 1.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from conformance.crypto.ke import ke_methods, key_exchange
from conformance.crypto.keywords import transform
from conformance.probe.algorithms import AEAD, INTEGS, PLAIN
from conformance.probe.question import DECOYS, NOBODYS
from conformance.script.sa import ScriptedSa
from conformance.wire import (
    KE,
    SA,
    Delete,
    Esn,
    ExchangeType,
    KeMethod,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Proposal,
    ProtocolID,
    Transform,
    TSi,
    TSr,
)

Offer = Callable[[list[Transform]], Sequence[Transform]]
"""Makes an offer of what is left."""
EspBox = tuple[tuple[Transform, ...], tuple[Transform, ...]]
"""Ciphers, and the integrity algorithms that go with each of them; none for combined ciphers."""
ESP_AEAD = (*AEAD, transform("aes128gmac"), transform("aes256gmac"))
NO_ESN, ESN = Transform.of(Esn.NO), Transform.of(Esn.YES)


@dataclass(slots=True)
class Children:
    """Asks with CREATE_CHILD_SA and deletes at once what that makes.

    With ``group`` there is a key exchange; ``always`` is in every request.
    """

    sa: ScriptedSa
    selectors: tuple[TSi, TSr]
    always: tuple[Notify, ...] = ()
    group: Transform | None = None

    def by_group(self, groups: Sequence[Transform]) -> dict[Transform | None, list[EspBox]]:
        """What it takes without a key exchange (None), and with one of each group; `group` is one that works."""
        self.group = None
        found: dict[Transform | None, list[EspBox]] = {None: self.boxes()}
        for one in groups:
            if self.takes(one):
                self.group = one
                found[one] = self.boxes()
            self.group = None
        self.group = next((group for group, boxes in found.items() if boxes), None)
        return found

    def boxes(self) -> list[EspBox]:
        """All that it takes; ciphers with the same integrity algorithms are in one box."""
        aead = self._removed(ESP_AEAD, lambda left: left)
        found: list[EspBox] = [(aead, ())] if aead else []
        for cipher in self._removed(PLAIN, lambda left: [*left, *INTEGS]):
            integs = self._removed(INTEGS, partial(_beside, cipher))
            same = next((number for number, box in enumerate(found) if box[1] == integs and integs), None)
            if same is not None:
                found[same] = ((*found[same][0], cipher), integs)
            elif integs:
                found.append(((cipher,), integs))
        return found

    def takes(self, group: Transform) -> bool:
        """Whether it makes Child SAs with a key exchange of this group.

        Where INVALID_KE_PAYLOAD names it, none is made. Whoever says something else than no is asked for a real one.
        """
        decoy = next(one for one in DECOYS if one != group.id)
        offers = [
            (*ESP_AEAD, group, NO_ESN),
            (*PLAIN, *INTEGS, group, NO_ESN),
            (NOBODYS, *INTEGS[:1], Transform.of(decoy), NO_ESN),
        ]
        answer = self._asked(offers, decoy)
        wanted = answer.notify(NotifyType.INVALID_KE_PAYLOAD)
        if wanted is not None:
            return int.from_bytes(wanted.data, "big") == group.id
        if answer.notify(NotifyType.NO_PROPOSAL_CHOSEN) is not None or group.id not in ke_methods():
            return False
        real = [(*offer, group, NO_ESN) for offer in (ESP_AEAD, (*PLAIN, *INTEGS))]
        return self._asked(real, KeMethod(group.id)).first(SA) is not None

    def esn(self) -> bool:
        """Whether it takes extended sequence numbers."""
        return any(self._choice(one, ESN) is not None for one in (ESP_AEAD, (*PLAIN, *INTEGS)))

    def transport(self) -> bool:
        """Whether it makes a Child SA in transport mode."""
        mode = () if self.always else (Notify(NotifyType.USE_TRANSPORT_MODE),)
        offers = [self._with_group(ESP_AEAD), self._with_group((*PLAIN, *INTEGS))]
        answer = self._asked(offers, self._method, *mode)
        return answer.first(SA) is not None and answer.notify(NotifyType.USE_TRANSPORT_MODE) is not None

    def _removed(self, candidates: Sequence[Transform], offer: Offer) -> tuple[Transform, ...]:
        """What it takes: what was chosen is not offered again, until nothing is chosen."""
        found: list[Transform] = []
        while left := [one for one in candidates if one not in found]:
            chosen = self._choice(offer(left))
            new = [one for one in chosen.transforms if one in left] if chosen is not None else []
            if not new:
                break
            found += new[:1]
        return tuple(found)

    @property
    def _method(self) -> KeMethod | None:
        return KeMethod(self.group.id) if self.group is not None else None

    def _with_group(self, offered: Sequence[Transform], esn: Transform = NO_ESN) -> tuple[Transform, ...]:
        return (*offered, *([self.group] if self.group is not None else []), esn)

    def _choice(self, offered: Sequence[Transform], esn: Transform = NO_ESN) -> Proposal | None:
        """The suite that it chooses from one proposal."""
        chosen = self._asked([self._with_group(offered, esn)], self._method).first(SA)
        return chosen.proposals[0] if chosen is not None and len(chosen.proposals) == 1 else None

    def _asked(self, offers: Sequence[Sequence[Transform]], method: KeMethod | None, *further: Notify) -> Message:
        sa, random = self.sa, self.sa.peer.random
        spi = sa.choose_child_spi()
        proposals = tuple(Proposal(number, ProtocolID.ESP, tuple(one), spi) for number, one in enumerate(offers, 1))
        # Nothing is sent through these Child SAs: no key is derived from the exchange.
        ke = (KE(method, key_exchange(method, random).public),) if method is not None else ()
        answer = sa.request(
            ExchangeType.CREATE_CHILD_SA, *self.always, *further, SA(proposals), Nonce(random(32)), *ke, *self.selectors
        )
        if answer.first(SA) is not None:
            sa.peer.pause()
            sa.informational(Delete(ProtocolID.ESP, (spi,)))
        return answer


def _beside(cipher: Transform, integs: list[Transform]) -> list[Transform]:
    return [cipher, *integs]
