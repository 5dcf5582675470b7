"""Watching a conversation: entries of its trace in, what is broken out."""

from collections.abc import Iterator, Sequence

from conformance.crypto import IntegrityError
from conformance.ike.core import protection
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.trace import Entry
from conformance.wire import (
    SA,
    SK,
    SKF,
    ExchangeType,
    Message,
    Nonce,
    NotifyType,
    ProtocolID,
    WireError,
    decode_message,
)
from suites.invariants import eap, header, order, payloads, proposals, protected, traffic
from suites.invariants.asked import Asked, Ours, as_read, selectors_of
from suites.invariants.broken import Broken, Findings
from suites.invariants.numbering import Numberings


class Watch:
    """The invariants of one conversation. It remembers what was sent, nonces, IVs, message IDs.

    ``judged`` are the requirements that something was looked at for.
    """

    def __init__(self, peer: Peer) -> None:
        """Nothing has been seen."""
        self.peer, self.ours = peer, Ours()
        self.judged: set[str] = set()
        self._nonces: dict[bytes, tuple[object, ...]] = {}
        self._spis: dict[bytes, set[ProtocolID]] = {}
        self._numberings = Numberings()
        self._protected = protected.Protected()
        self._traffic = traffic.Packets(peer.traffic)

    def look(self, entries: Sequence[Entry]) -> Iterator[Broken]:
        """The next entries of the trace, in order."""
        for entry in entries:
            if entry.datagram is None:
                continue
            if entry.sent:
                raw = self.peer.octets(entry.datagram)
                self.ours.add(entry, raw)
                self._widen(entry.message)
                if entry.bent:
                    self._read(entry, raw)
                continue
            found = Findings(self.judged)
            if entry.message is not None and not self.peer.is_late(entry.message):
                self._came(entry, entry.message, found)
            elif entry.message is None and entry.datagram.checksum is not None:
                traffic.checksum(entry.datagram, found)
            yield from found.broken

    def _widen(self, message: Message | None) -> None:
        """Remember the window that a message of ours announces."""
        window = message.notify(NotifyType.SET_WINDOW_SIZE) if message is not None else None
        if message is None or window is None:
            return
        sa = self.peer.sas.get(message.spi_i) or self.peer.sas.get(message.spi_r)
        if sa is not None:
            self._numberings.widened(sa.own_spi, int.from_bytes(window.data, "big"))

    def _read(self, entry: Entry, raw: bytes) -> None:
        """Remember the selectors of a message that was bent below its payloads, as the device finds them."""
        if not any(_names_traffic(one) for one in (entry.message, entry.straight)):
            return
        try:
            sa = self.peer.sas.get(raw[:8]) or self.peer.sas.get(raw[8:16])
            message = None if sa is None else as_read(raw, sa)
            if message is None:
                self.ours.vague = True
            else:
                self.ours.name(message)
        except IntegrityError:
            return
        except WireError:
            self.ours.vague = True

    def packets(self) -> Iterator[Broken]:
        """What has come through Child SAs since this was asked last."""
        found = Findings(self.judged)
        self._traffic.look(found)
        yield from found.broken

    def _came(self, entry: Entry, message: Message, found: Findings) -> None:
        assert entry.datagram is not None
        raw = self.peer.octets(entry.datagram)
        sa = self.peer.sas.get(message.spi_i) or self.peer.sas.get(message.spi_r)
        asked = self.ours.to(message.message_id, message.exchange) if message.is_response else []
        header.header(message, sa if entry.encrypted else None, asked, found)
        if message.is_response:
            # A fragment that waits for the others has shown nothing yet, but it is no answer in the clear.
            ours = entry.encrypted or message.first(SKF) is not None
            header.response(message, self.ours, sa if ours else None, found)
        elif message.exchange == ExchangeType.IKE_SA_INIT:
            self._numberings.opened(message.spi_i)
        if sa is not None and entry.encrypted:
            self._authentic(message, raw, sa, asked, found)
        whole = entry.encrypted if message.exchange != ExchangeType.IKE_SA_INIT else not entry.problem
        if whole and (sa is not None or not message.is_response):
            self._content(message, asked, found)
        if sa is not None and message.is_response and not entry.problem:
            self._fresh_nonce(message, found)

    def _authentic(self, message: Message, raw: bytes, sa: ScriptedSa, asked: Sequence[Asked], found: Findings) -> None:
        header.role(message, sa, found)
        self._protected.came(raw, sa, found)
        if not message.is_response:
            self._numberings.came(message, sa.own_spi, raw, found)
        elif asked:
            rule = "RFC7296-2.4-7" if message.notify(NotifyType.INVALID_SYNTAX) is None else "RFC7296-3.10.1-5"
            right = any(authentic(one, sa) for one in asked)
            got = f"{message.exchange.name} response {message.message_id}"
            expected = "no protected answer to what is not protected"
            found.must("unprotected", rule, right, expected, got, bypass=True)

    def _content(self, message: Message, asked: Sequence[Asked], found: Findings) -> None:
        straight = not message.is_response or (bool(asked) and all(one.straight for one in asked))
        payloads.payloads(message, self._spis, found, straight=straight)
        self._chosen(message)
        order.order(message, found)
        before = None if message.is_response else self.ours.answers.get((message.spi_i, message.message_id - 1))
        eap.eap(message, before, found)
        if not straight:
            return
        proposals.sent(message, found)
        payloads.selectors(message, self.ours, found)
        if not message.is_response:
            proposals.group(message, self.ours.told_group, found)
            return
        proposals.choice(message, [one.entry.message for one in asked if one.entry.message is not None], found)

    def _chosen(self, message: Message) -> None:
        """Remember the SPIs of Child SAs that the device offers or chooses."""
        sa = message.first(SA)
        for one in sa.proposals if sa is not None else ():
            self._spis.setdefault(one.spi, set()).add(one.protocol)

    def _fresh_nonce(self, message: Message, found: Findings) -> None:
        """A nonce is used once; a response that is repeated has the same one, and so may a request that is refused."""
        nonce = message.first(Nonce)
        if nonce is None:
            return
        key = (message.spi_i, message.spi_r, message.exchange, message.message_id)
        known = self._nonces.setdefault(nonce.data, key)
        same = message.exchange == ExchangeType.IKE_SA_INIT and known[0] == message.spi_i and known[2:] == key[2:]
        fresh, got = known == key or same, nonce.data.hex()
        found.must("nonce-fresh", "RFC7296-3.9-2", fresh, "a nonce that was not used before", got)


def authentic(one: Asked, sa: ScriptedSa) -> bool:
    """Whether the device could take this request for ours."""
    if one.header.exchange == ExchangeType.IKE_SA_INIT or one.straight:
        return one.protected or one.header.exchange == ExchangeType.IKE_SA_INIT
    if sa.keys is None:
        return True
    try:
        message = decode_message(one.message, lenient=True)
        last = message.payloads[-1] if message.payloads else None
        if not isinstance(last, SK | SKF):
            return False
        end = one.message.index(last.body) + len(last.body)  # what stands in clear behind it may be passed over
        protection.unseal(one.message[:end], last, sa.keys.suite.cipher, sa.own_key)
    except IntegrityError:
        return False
    except WireError:
        return True
    return True


def _names_traffic(message: Message | None) -> bool:
    return message is not None and any(True for _ in selectors_of(message))
