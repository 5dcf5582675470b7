"""What a TLS engine is to those who carry its records: octets in, octets out, keys and data when it is done."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from struct import Struct

from cryptography import x509

from conformance.crypto.errors import CertificateError
from conformance.crypto.pki import Leaf
from conformance.crypto.x509 import load_certificate, matches_identity
from conformance.wire import IdType

MOST_HANDSHAKE_OCTETS = 1 << 18
"""Default of `TlsConfig.most_octets`."""

_RECORD = Struct("!BHH")


class TlsVersion(IntEnum):
    """The versions that EAP methods run over; older ones are never offered."""

    TLS_1_2 = 0x0303
    TLS_1_3 = 0x0304

    def __str__(self) -> str:
        return f"TLS 1.{self - 0x0301}"


class TlsError(Exception):
    """Why TLS ended.

    Attributes:
        text: what happened, in one line.
        alert: number of the alert that was sent or received (RFC 8446, section 6), None where there was none.
        remote: the other side said so.
    """

    def __init__(self, text: str, alert: int | None = None, *, remote: bool = False) -> None:
        super().__init__(text, alert, remote)
        self.text = text
        self.alert = alert
        self.remote = remote

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificates one side takes.

    Attributes:
        anchors: authorities, roots or intermediates.
        name: domain name or mail address that the subjectAltName must hold; None takes every name below the anchors.
        required: as a server: a client without certificate is refused.
    """

    anchors: tuple[x509.Certificate, ...]
    name: str | None = None
    required: bool = True

    def names(self, certificate: x509.Certificate) -> bool:
        """Whether the certificate speaks for the name that is wanted."""
        if self.name is None:
            return True
        kind = IdType.RFC822_ADDR if "@" in self.name else IdType.FQDN
        return matches_identity(certificate, kind, self.name.encode())


@dataclass(frozen=True, slots=True)
class TlsBend:
    """What is wrong with what one side sends.

    Attributes:
        text: in words, for the evidence.
        message: changes one handshake message, header of four octets included, before it enters the transcript and is
            protected; nothing leaves it out. Only `LiteEngine` can.
        beside: what follows a handshake message, given as it was sent: content types and contents of records, protected
            with the keys of that moment, and in no transcript. Only `LiteEngine` can.
        records: changes, repeats or rearranges the records of a flight, each with its header, as they leave.
    """

    text: str = ""
    message: Callable[[bytes], bytes] | None = None
    beside: Callable[[bytes], Sequence[tuple[int, bytes]]] | None = None
    records: Callable[[list[bytes]], Sequence[bytes]] | None = None

    @property
    def within(self) -> bool:
        """Whether handshake messages are bent, and not only the records that they leave in."""
        return self.message is not None or self.beside is not None

    def flight(self, octets: bytes) -> bytes:
        """The records of a flight, bent."""
        return b"".join(self.records(split_records(octets))) if self.records and octets else octets


STRAIGHT = TlsBend()
"""Nothing is wrong."""


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """One side of a TLS connection.

    Attributes:
        client: this side sends the ClientHello.
        now: time by which certificates are judged.
        leaf: own certificate, its chain and key. A client may have none.
        trust: whose certificates are taken. None takes each of them, and a server does not ask.
        versions: those that are offered.
        engine: ``openssl``, or ``lite``, which is slow and can bend its messages; None is whatever suffices.
        bend: what is wrong with what is sent.
        most_octets: a handshake in which more than this comes in is given up, for it may never end.
    """

    client: bool
    now: datetime
    leaf: Leaf | None = None
    trust: Trust | None = None
    versions: tuple[TlsVersion, ...] = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    engine: str | None = None
    bend: TlsBend = STRAIGHT
    most_octets: int = MOST_HANDSHAKE_OCTETS


class TlsEngine(ABC):
    """One side of one TLS connection.

    Attributes:
        config: how it was made.
        done: this side has finished its handshake. In TLS 1.3 a client is done before the server has judged it.
        error: why the connection is over, None while it is not. What is left to send is still sent.
    """

    def __init__(self, config: TlsConfig) -> None:
        self.config = config
        self.done = False
        self.error: TlsError | None = None
        self._octets_in = 0
        self._plain = bytearray()

    def step(self, data: bytes = b"") -> bytes:
        """Takes records in any pieces; gives the records that answer them. A client starts with a step of nothing."""
        if self.error is None:
            self._octets_in += len(data)
            if not self.done and self._octets_in > self.config.most_octets:
                self.error = TlsError(f"the handshake is not over after {self.config.most_octets} octets")
            else:
                self._advance(data)
        return self._flight()

    def send(self, data: bytes) -> bytes:
        """The records that protect application data. Only when `done`."""
        self._write(data)
        return self._flight()

    def inject(self, kind: int, content: bytes) -> bytes:
        """A record of any content type, protected as others are at this moment; the handshake does not know of it.

        Only `LiteEngine` can. Raises ValueError for other engines.
        """
        raise ValueError("only LiteEngine sends records of any kind")

    def close(self) -> bytes:
        """The record that says that nothing more is sent (close_notify)."""
        self._finish()
        return self._flight()

    def received(self) -> bytes:
        """The application data that has come since the last call."""
        data = bytes(self._plain)
        self._plain.clear()
        return data

    def _flight(self) -> bytes:
        return self.config.bend.flight(self._drain())

    @property
    @abstractmethod
    def version(self) -> TlsVersion | None:
        """The version that was agreed on, None as long as it is open."""

    @property
    @abstractmethod
    def peer_chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates that the other side has shown, its own first, without those that cannot be read."""

    @abstractmethod
    def export(self, label: bytes, context: bytes | None, size: int) -> bytes:
        """Keying material (RFC 5705; RFC 8446, section 7.5).

        In TLS 1.2 no context and an empty one give different keys, in TLS 1.3 the same.
        """

    @abstractmethod
    def _advance(self, data: bytes) -> None:
        """Goes on with the handshake, or with what comes after it, as far as ``data`` reaches."""

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Protects application data."""

    @abstractmethod
    def _finish(self) -> None:
        """Closes this side."""

    @abstractmethod
    def _drain(self) -> bytes:
        """The octets that are to be sent."""


def readable(shown: Iterable[bytes]) -> tuple[x509.Certificate, ...]:
    """Those of some certificates in DER that can be read: where nobody judges them, TLS takes others as well."""
    found = []
    for one in shown:
        with suppress(CertificateError):
            found.append(load_certificate(one))
    return tuple(found)


def split_records(octets: bytes) -> list[bytes]:
    """The records of a flight, each with its header; a broken rest is the last one."""
    records = []
    position = 0
    while position < len(octets):
        end = len(octets)
        if end - position >= _RECORD.size:
            end = min(end, position + _RECORD.size + _RECORD.unpack_from(octets, position)[2])
        records.append(octets[position:end])
        position = end
    return records
