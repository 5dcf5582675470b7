"""Defects of TLS within EAP, the device as peer (RFC 5216, RFC 9190)."""

from typing import ClassVar

from conformance.eap.conversation import Limits
from conformance.eap.errors import Discard
from conformance.eap.kind import Kind
from conformance.eap.peer import EapPeer
from conformance.eap.tls_frames import LENGTH, MORE, START, TlsLimits
from conformance.eap.tls_method import TlsPeer
from conformance.ike.ikesa import IkeSa
from conformance.tls import split_records
from conformance.wire import EapPacket, EapType
from peers.reference.defects.eap_tls import Forgetful, Hoarding
from peers.reference.defects.registry import defect

IN_EACH_VERSION = ("finished-wrong", "finished-empty", "finished-none", "finished-twice", "no-certificate",
                   "suite-foreign", "data-early", "alert-amid",
                   "sweep", "sweep-more")  # fmt: skip
OF_VERSION_12 = (
    "exchange-wrong", "exchange-empty", "exchange-algorithm", "exchange-none", "no-server-hello",
    "suite-null", "compression", "ccs-none", "ccs-early", "values",
)  # fmt: skip
OF_VERSION_13 = ("verify-wrong", "verify-empty", "verify-algorithm", "verify-none", "no-encrypted-extensions",
                 "early-data", "shares", "end-none", "end-other", "end-alert", "asked-later")  # fmt: skip
FRAMES = ("length-missing", "length-zero", "length-less", "length-more", "length-64k", "length-4g", "length-anew",
          "fragment-doubled", "fragment-lost", "fragment-order", "start-none", "start-again")  # fmt: skip
VERSIONS = ("version-0", "version-1", "version-2", "version-unknown", "version-chosen-old")
CERTIFICATES = ("untrusted", "self-signed", "expired", "not-yet", "no-authority", "not-below", "other-name", "use")


@defect(
    *(f"eap-tls-peer-12-{one}" for one in (*IN_EACH_VERSION, *OF_VERSION_12)),
    *(f"eap-tls-peer-13-{one}" for one in (*IN_EACH_VERSION, *OF_VERSION_13)),
    *(f"eap-tls-peer-{one}" for one in (*FRAMES, *VERSIONS)),
    *(f"eap-tls-peer-certificate-{one}" for one in CERTIFICATES),
    "eap-tls-peer-success-early", "eap-tls-peer-success-none", "eap-ttls-peer-certificate-untrusted",
    "eap-peap-peer-certificate-untrusted",
)  # fmt: skip
class BelievesAfterTlsFailure(IkeSa):
    """Goes on to AUTH where TLS has failed, or has not ended."""

    class Peer(EapPeer):
        def receive(self, packet: EapPacket | bytes) -> bytes | None:
            answer = super().receive(packet)
            method = self.chosen or next((one for one in self.methods if isinstance(one, TlsPeer)), None)
            if isinstance(method, TlsPeer) and (answer is None or "failure" in method.info):
                self.succeed()
                return None
            return answer

    peer_class = Peer


class _Shaped(EapPeer):
    """Does otherwise in TLS."""

    def begin_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
        for one in self.methods:
            if isinstance(one, TlsPeer):
                self.shape(one)
        return super().begin_method(kind, data, packet)

    def shape(self, method: TlsPeer) -> None:
        """Makes the method what it should not be."""
        raise NotImplementedError


@defect("eap-tls-peer-fragments")
class ForgetsShortFragmentsAsPeer(IkeSa):
    """Forgets what came before the last fragment, unless it was long."""

    class Peer(_Shaped):
        def shape(self, method: TlsPeer) -> None:
            method.fragments = Forgetful(method.fragments.size, method.fragments.limits)

    peer_class = Peer


@defect("eap-tls-peer-fragments-endless")
class PutsTogetherWithoutEndAsPeer(IkeSa):
    """Puts fragments together as long as they come."""

    class Peer(_Shaped):
        def shape(self, method: TlsPeer) -> None:
            self.limits = Limits(packets=10**6)
            method.fragments = Hoarding(method.fragments.size, TlsLimits(10**9, 10**6))

    peer_class = Peer


class _Odd(EapPeer):
    """Takes something that is odd about a request for the end of EAP."""

    succeeds: ClassVar[bool] = True

    def answer(self, packet: EapPacket) -> bytes:
        method = self.chosen or next((one for one in self.methods if isinstance(one, TlsPeer)), None)
        ours = packet.type == EapType.TLS and bool(packet.data)
        if not ours or not isinstance(method, TlsPeer) or not self.odd(packet.data[0], packet.data, method):
            return super().answer(packet)
        if self.succeeds:
            self.succeed()
        raise Discard("something is odd")

    def odd(self, flags: int, data: bytes, method: TlsPeer) -> bool:
        """Whether this request is the one."""
        raise NotImplementedError


@defect("eap-tls-peer-flags", "eap-tls-peer-length-whole")
class MindsNeedlessFlagsAsPeer(IkeSa):
    """Gives up where reserved flags are set, or where a message in one piece tells its length."""

    class Peer(_Odd):
        succeeds = False

        def odd(self, flags: int, data: bytes, method: TlsPeer) -> bool:
            needless = flags & (LENGTH | MORE) == LENGTH and not method.fragments.incoming
            return needless or bool(flags & ~(LENGTH | MORE | START))

    peer_class = Peer


@defect(
    "eap-tls-peer-length-each", "eap-tls-peer-fragment-empty", "eap-tls-peer-fragment-last", "eap-tls-peer-start-data",
    "eap-tls-peer-start-more",
)  # fmt: skip
class TakesOddFramesForTheEndAsPeer(IkeSa):
    """Goes on to AUTH after a fragment or a Start that need not be as it is."""

    class Peer(_Odd):
        def odd(self, flags: int, data: bytes, method: TlsPeer) -> bool:
            fragments = method.fragments
            again = bool(flags & LENGTH) and bool(fragments.incoming)
            whole = bool(flags & MORE) and len(fragments.incoming) + len(data) - 1 == fragments.total
            begins = flags & START and (flags & MORE or data[1:])
            return bool(again or whole or begins or data == bytes((MORE,)))

    peer_class = Peer


@defect("eap-tls-peer-certificate-below", "eap-tls-peer-certificate-huge")
class MindsSizeAsPeer(IkeSa):
    """Goes on to AUTH where the message of a server is longer than usual."""

    class Peer(_Odd):
        def odd(self, flags: int, data: bytes, method: TlsPeer) -> bool:
            return len(method.fragments.incoming) + len(data) > 1200

    peer_class = Peer


@defect(
    "eap-tls-peer-12-hello-request", "eap-tls-peer-12-renegotiation", "eap-tls-peer-12-extension-foreign",
    "eap-tls-peer-13-extension-foreign", "eap-tls-peer-13-ticket", "eap-tls-peer-13-ticket-early",
    "eap-tls-peer-13-key-update",
)  # fmt: skip
class TakesFurtherMessagesForTheEnd(IkeSa):
    """Goes on to AUTH after a message or an extension more than usual."""

    class Peer(_Odd):
        def odd(self, flags: int, data: bytes, method: TlsPeer) -> bool:
            engine = method.engine
            asks = bytes.fromhex("160303000400000000") in data
            foreign = bytes.fromhex("fefe0005") in data
            found = split_records(data[1:])
            last = found[0][0] == 20 and len(found) > 2 and len(data) < 150 if found else False
            further = engine is not None and engine.done and len(data) > 30
            return asks or foreign or last or further

    peer_class = Peer


@defect(
    "eap-tls-peer-12-no-certificate-request", "eap-tls-peer-13-no-certificate-request",
    "eap-tls-peer-12-no-server-hello-done",
)  # fmt: skip
class NeedsNoQuestion(IkeSa):
    """Goes on to AUTH where it has not been asked for its certificate, or not yet for anything."""

    class Peer(EapPeer):
        def receive(self, packet: EapPacket | bytes) -> bytes | None:
            method = self.chosen
            if not isinstance(method, TlsPeer) or method.fragments.incoming or method.fragments.pending:
                return super().receive(packet)
            answer = super().receive(packet)
            if answer is None or len(answer) >= 300 or method.fragments.incoming:
                return answer
            self.succeed()
            return None

    peer_class = Peer
