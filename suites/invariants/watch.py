"""Watching a conversation: entries of its trace in, what is broken out."""

from collections.abc import Iterator, Sequence

from conformance.crypto import IntegrityError
from conformance.ike.core import protection
from conformance.net.link import Datagram
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.trace import Entry
from conformance.wire import SK, SKF, ExchangeType, Message, Nonce, NotifyType, WireError, decode_message
from suites.invariants import content, header
from suites.invariants.asked import SK as FIRST_SK
from suites.invariants.asked import SKF as FIRST_SKF
from suites.invariants.asked import Asked, Ours
from suites.invariants.broken import Broken

_BODY = {FIRST_SK: 32, FIRST_SKF: 36}
_NEXT = 16
_CBC_IV = 16


class Watch:
    """The invariants of one conversation. It remembers what was sent, nonces and IVs."""

    def __init__(self, peer: Peer) -> None:
        """Nothing has been seen."""
        self.peer, self.ours = peer, Ours()
        self._nonces: dict[bytes, tuple[object, ...]] = {}
        self._ivs: dict[tuple[bytes, bytes], bytes] = {}

    def look(self, entries: Sequence[Entry]) -> Iterator[Broken]:
        """The next entries of the trace, in order."""
        for entry in entries:
            if entry.datagram is None:
                continue
            if entry.sent:
                self.ours.add(entry, self._octets(entry.datagram))
            elif entry.message is not None:
                yield from self._came(entry, entry.message)

    def _came(self, entry: Entry, message: Message) -> Iterator[Broken]:
        assert entry.datagram is not None
        raw = self._octets(entry.datagram)
        sa = self.peer.sas.get(message.spi_i) or self.peer.sas.get(message.spi_r)
        asked = self.ours.to(message.message_id, message.exchange) if message.is_response else []
        yield from header.header(message, sa if entry.encrypted else None, asked)
        if message.is_response:
            yield from header.response(message, self.ours, sa if entry.encrypted else None)
        if sa is None:
            return
        if entry.encrypted:
            yield from header.role(message, sa)
            yield from self._fresh_iv(raw, sa)
            if message.is_response and asked and not any(self._authentic(one, sa) for one in asked):
                rule = "RFC7296-2.4-7" if message.notify(NotifyType.INVALID_SYNTAX) is None else "RFC7296-3.10.1-5"
                yield Broken(
                    "unprotected", rule, "no protected answer to what is not protected",
                    f"{message.exchange.name} response {message.message_id}", bypass=True,
                )  # fmt: skip
        if entry.encrypted or (message.exchange == ExchangeType.IKE_SA_INIT and not entry.problem):
            yield from content.payloads(message)
        if message.is_response and not entry.problem:
            yield from self._fresh_nonce(message, raw)
            if asked and all(one.straight for one in asked):
                offers = [one.entry.message for one in asked if one.entry.message is not None]
                yield from content.choice(message, offers)

    def _octets(self, datagram: Datagram) -> bytes:
        """A datagram without the marker that it has where IKE shares its port with ESP."""
        connection = self.peer.connection
        ours, theirs = connection.local_ports[1], connection.remote_ports[1]
        ends = (datagram.source, datagram.destination)
        return datagram.payload[4:] if any(one.port in (ours, theirs) for one in ends) else datagram.payload

    def _fresh_nonce(self, message: Message, raw: bytes) -> Iterator[Broken]:
        """A nonce is used once; a response that is repeated has the same one."""
        nonce = message.first(Nonce)
        if nonce is None:
            return
        key = (message.spi_i, message.spi_r, message.exchange, message.message_id)
        known = self._nonces.setdefault(nonce.data, key)
        same = message.exchange == ExchangeType.IKE_SA_INIT and known[0] == message.spi_i and known[2:] == key[2:]
        if known != key and not same:
            yield Broken("nonce-fresh", "RFC7296-3.9-2", "a nonce that was not used before", nonce.data.hex())

    def _fresh_iv(self, raw: bytes, sa: ScriptedSa) -> Iterator[Broken]:
        """No IV is used twice under one key."""
        start = _BODY.get(raw[_NEXT])
        if start is None or sa.keys is None:
            return
        size = sa.keys.suite.cipher.iv_size
        iv = raw[start : start + size]
        if not size or self._ivs.setdefault((sa.own_spi, iv), raw) == raw:
            return
        rule = "RFC7296-3.14-4" if size >= _CBC_IV else "RFC5282-3.1-2"
        yield Broken("iv", rule, "an IV that was not used before", iv.hex())

    def _authentic(self, one: Asked, sa: ScriptedSa) -> bool:
        """Whether the device could take this request for ours."""
        if one.header.exchange == ExchangeType.IKE_SA_INIT or one.straight:
            return one.protected or one.header.exchange == ExchangeType.IKE_SA_INIT
        if sa.keys is None:
            return True
        try:
            message = decode_message(one.raw, lenient=True)
            last = message.payloads[-1] if message.payloads else None
            if not isinstance(last, SK | SKF):
                return False
            protection.unseal(one.raw, last, sa.keys.suite.cipher, sa.own_key)
        except IntegrityError:
            return False
        except WireError:
            return True
        return True
