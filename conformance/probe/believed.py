"""What shows only to a peer that the device believes: Child SAs, selectors, addresses, MOBIKE, EAP."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, summarize_address_range

from conformance.crypto import CryptoError
from conformance.crypto.keywords import keyword
from conformance.ike.core.connection import ChildConfig, Connection, Identity, Psk
from conformance.ike.core.selectors import host
from conformance.ike.core.sending import State
from conformance.probe.algorithms import INTEGS, PLAIN
from conformance.probe.children import ESN, ESP_AEAD, NO_ESN, Children, EspBox
from conformance.probe.findings import ChildFindings
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import (
    AUTH,
    CP,
    EAP,
    SA,
    CfgAttribute,
    Delete,
    IDr,
    IdType,
    Message,
    Notify,
    NotifyType,
    Proposal,
    ProtocolID,
    TrafficSelector,
    Transform,
    TransformType,
    TSi,
    TSr,
)

ANYWHERE = ("0.0.0.0/0",)
STRANGER = Identity.of("stranger.ikespec.example")
FAILURES = (Unexpected, Inconclusive, CryptoError)
ONLY_THE_CHILD = (
    NotifyType.NO_PROPOSAL_CHOSEN,
    NotifyType.TS_UNACCEPTABLE,
    NotifyType.SINGLE_PAIR_REQUIRED,
    NotifyType.INTERNAL_ADDRESS_FAILURE,
    NotifyType.FAILED_CP_REQUIRED,
)
"""What ends a Child SA and not the IKE SA (RFC 7296, section 1.2), which some say without a proof of their own."""


def _texts() -> tuple[str, ...]:
    """All of ESP as two proposals in keywords."""
    return tuple("-".join(keyword(one) for one in kinds) for kinds in (ESP_AEAD, (*PLAIN, *INTEGS)))


class Believed:
    """One IKE SA after another with a device that believes us; ``connection`` has who we are and what it takes."""

    def __init__(self, peer: Peer, connection: Connection, groups: Sequence[Transform]) -> None:
        """``groups`` are those that the device takes for IKE SAs."""
        self.peer, self.groups = peer, tuple(groups)
        child = ChildConfig("net", _texts(), connection.children[0].local_ts, connection.children[0].remote_ts)
        peer.connection = replace(connection, children=(child,))
        self.found = ChildFindings()
        self._first: tuple[Proposal, ...] = ()

    def run(self) -> ChildFindings:
        """Never raises for anything that the device does, except ProbeError when the limits are reached."""
        sa = self._authenticated()
        if sa is not None:
            try:
                self._child_sas(sa)
            except FAILURES as silent:
                self.found.child_problem = self.found.child_problem or str(silent)
            self._close(sa)
            with suppress(*FAILURES):
                self._inner_address()
            with suppress(*FAILURES):
                self._any_identity()
        with suppress(*FAILURES):
            self._eap()
        return self.found

    # --- IKE_AUTH -------------------------------------------------------------------------------------------------

    def _authenticated(self, *, again: bool = False, childless: bool = False) -> ScriptedSa | None:
        """An IKE SA that is up; without an identity of the device known before, it is asked twice.

        A device that ends with the first Child SA is asked for none (RFC 6023), if it allows that.
        """
        asks = bend.append(Notify(NotifyType.MOBIKE_SUPPORTED)) | bend.append(Notify(NotifyType.TICKET_REQUEST))
        unknown = not self.peer.connection.remote.identity.data
        sa = self.peer.sa()
        try:
            alone = sa.init().notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED) is not None
            answer = sa.auth(asks | bend.drop(IDr) if unknown else asks, child=None if childless else "")
        except FAILURES as silent:
            self.found.problem = str(silent)
            return None
        claimed = answer.first(IDr)
        if unknown and claimed is not None and not again:
            self._close(sa)
            known = replace(self.peer.connection.remote.identity, id_type=claimed.id_type, data=claimed.data)
            remote = replace(self.peer.connection.remote, identity=known)
            self.peer.connection = replace(self.peer.connection, remote=remote)
            self.found.identity = written_identity(known)
            return self._authenticated(again=True, childless=childless)
        if sa.state not in (State.ESTABLISHED, State.REKEYED):
            error = fatal(answer)
            self.found.problem = error.type.name if error is not None else sa.problem or sa.state.value
            if error is not None and error.type in ONLY_THE_CHILD and alone and not childless:
                return self._without_child(error.type.name, again=again)
            return None
        self._heard(answer)
        return sa

    def _without_child(self, problem: str, *, again: bool) -> ScriptedSa | None:
        """It believes us all the same where it sets up an IKE SA alone."""
        sa = self._authenticated(again=again, childless=True)
        if sa is not None:
            self.found.problem, self.found.child_problem = "", problem
        return sa

    def _heard(self, answer: Message) -> None:
        """What the IKE_AUTH response says."""
        found = self.found
        found.mobike = answer.notify(NotifyType.MOBIKE_SUPPORTED) is not None
        tickets = (NotifyType.TICKET_LT_OPAQUE, NotifyType.TICKET_ACK)
        found.resumption = any(answer.notify(one) is not None for one in tickets)
        chosen = answer.first(SA)
        self._first = chosen.proposals[:1] if chosen is not None else ()
        ours, theirs, error = answer.first(TSi), answer.first(TSr), fatal(answer)
        found.our_selectors = _written(ours) if ours is not None else ()
        found.its_selectors = _written(theirs) if theirs is not None else ()
        if error is not None or answer.first(SA) is None:
            found.child_problem = error.type.name if error is not None else "it says nothing of a Child SA"

    def _close(self, sa: ScriptedSa) -> None:
        """Delete an IKE SA that the device has, even if we are not content with it."""
        with suppress(*FAILURES):
            if sa.state in (State.ESTABLISHED, State.REKEYED):
                sa.delete()
            elif sa.keys is not None and sa.next_id > 1:
                sa.informational(Delete(ProtocolID.IKE))

    # --- Child SAs ------------------------------------------------------------------------------------------------

    def _child_sas(self, sa: ScriptedSa) -> None:
        """What it takes for Child SAs, by CREATE_CHILD_SA, with and without a key exchange."""
        found = self.found
        ask = Children(sa, self._selectors(sa))
        by_group = ask.by_group(self.groups)
        if not any(by_group.values()):
            ends = (ip_address(one.host).packed for one in (sa.local, sa.remote))
            ours, theirs = ((host(one),) for one in ends)
            ask = Children(sa, (TSi(ours), TSr(theirs)), (Notify(NotifyType.USE_TRANSPORT_MODE),))
            by_group = ask.by_group(self.groups)
            if any(by_group.values()):
                found.tunnel = False
                found.our_selectors, found.its_selectors = (_written(one) for one in ask.selectors)
                found.child_problem = f"in tunnel mode: {found.child_problem or 'none'}"
        found.pfs = tuple(group for group, boxes in by_group.items() if group is not None and boxes)
        found.pfs_required = bool(found.pfs) and not by_group[None]
        found.several = any(by_group.values())
        if not found.several:
            found.child_problem = found.child_problem or "it makes no other Child SA beside the first one"
            found.esp = tuple(_box_of(one) for one in self._first)
            return
        found.esn = ask.esn()
        found.transport = ask.transport()
        merged: dict[EspBox, list[Transform]] = {}
        for group, boxes in by_group.items():
            for box in boxes:
                merged.setdefault(box, []).extend([group] if group is not None else [])
        esn = (NO_ESN, ESN) if found.esn else (NO_ESN,)
        found.esp = tuple((*box, tuple(groups), esn) for box, groups in merged.items())

    def _selectors(self, sa: ScriptedSa) -> tuple[TSi, TSr]:
        """Those of the first Child SA, or anywhere."""
        config = self.peer.connection.children[0]
        first = sa.children[0] if sa.children else None
        ours = first.local_ts if first is not None else sa.own_selectors(config)
        theirs = first.remote_ts if first is not None else sa.peer_selectors(config)
        return TSi(tuple(ours)), TSr(tuple(theirs))

    # --- addresses and EAP ----------------------------------------------------------------------------------------

    def _inner_address(self) -> None:
        """Whether it assigns an address to who asks for one (RFC 7296, section 2.19)."""
        sa = self.peer.sa(remote_pool="0.0.0.0/0")
        sa.init()
        answer = sa.auth()
        reply = answer.first(CP)
        attributes = reply.attributes if reply is not None else ()
        values = [one.value for one in attributes if one.type == CfgAttribute.INTERNAL_IP4_ADDRESS]
        if values and len(values[0]) == 4:
            self.found.address = ".".join(map(str, values[0]))
        theirs = answer.first(TSr)
        if not self.found.its_selectors and theirs is not None:
            self.found.its_selectors = _written(theirs)
            self.found.child_problem = f"{self.found.child_problem}; with an inner address it makes one"
        self._close(sa)

    def _any_identity(self) -> None:
        """Whether the shared key is enough, whoever says that he has it."""
        ours = self.peer.connection.local
        if isinstance(ours.auth, Psk):
            sa = self.peer.sa(local=replace(ours, identity=STRANGER))
            sa.init()
            sa.auth()
            self.found.any_identity = sa.state in (State.ESTABLISHED, State.REKEYED)
            self._close(sa)

    def _eap(self) -> None:
        """Whether it begins with EAP when we prove nothing, and then without a proof of its own (RFC 5998)."""
        sa = self.peer.sa()
        sa.init()
        answer = sa.auth(bend.drop(AUTH) | bend.append(Notify(NotifyType.EAP_ONLY_AUTHENTICATION)))
        if answer.first(EAP) is not None:
            self.found.eap_only = "EAP alone" if answer.first(AUTH) is None else "EAP beside a certificate"


def _written(found: TSi | TSr) -> tuple[str, ...]:
    """The prefixes of selectors without protocol and port; the others are left out, for a device file has none."""
    whole = [one for one in found.selectors if isinstance(one, TrafficSelector) and one.protocol == 0]
    with suppress(ValueError, TypeError):
        return tuple(str(net) for one in whole for net in summarize_address_range(one.first, one.last))
    return ()


def _box_of(chosen: Proposal) -> tuple[tuple[Transform, ...], ...]:
    """A chosen suite in the form of `ChildFindings.esp`."""
    kinds = (TransformType.ENCR, TransformType.INTEG, TransformType.KE, TransformType.ESN)
    return tuple(tuple(one for one in chosen.transforms if one.type == kind) for kind in kinds)


def written_identity(one: Identity) -> str:
    """An identity as a device file has it."""
    prefixes = {IdType.FQDN: "fqdn", IdType.RFC822_ADDR: "email", IdType.KEY_ID: "keyid", IdType.DER_ASN1_DN: "dn"}
    prefix, text = prefixes.get(one.id_type), str(one)
    if prefix is None:
        return text
    plain = one.id_type != IdType.DER_ASN1_DN and text.isprintable() and text.encode() == one.data
    if plain and Identity.of(text) == one and not set(text) & set(":="):
        return text
    return f"{prefix}:{text if plain and not text.startswith('0x') else '0x' + one.data.hex()}"
