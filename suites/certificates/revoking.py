"""A certificate of ours about which a web server of ours tells the device whether it is revoked.

The certificate is below an authority that is new in each purpose, so a device that keeps what it has fetched knows
nothing of it. That authority and our ordinary certificate are below the one that the device trusts, and all is well
with both, by CRL and by OCSP. What stands under `refused_by` or `accepted_by` makes what is told of our certificate.
"""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from cryptography import x509
from cryptography.x509 import ocsp

from conformance.crypto.pki import Authority, Extension, Leaf, new_key
from conformance.crypto.revoking import crl, nonce_in, points, responders, response, single
from conformance.ike.core.connection import Connection, Party, PublicKey, Revocation
from conformance.net.http import Asked, Page, WebServer
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.certificates.paths import key_usage
from suites.certificates.roles import AsResponder, Shown, accepted, refused
from suites.connections import Setup, authority, build, certified, second_authority
from suites.ike_auth.steps import in_our_name, ourselves

ROOT_LIST, ROOT_RESPONDER = "/root.crl", "/root.ocsp"

Told = bytes | Page | Callable[[Asked], Page]
"""What the web server says: the octets of a CRL or a response, a page, or what makes one from the request."""


class Case:
    """What is told about one certificate of ours.

    Set ``issuer``, ``extensions`` and ``serial`` (a serial number, None: any) before the first use of ``leaf``.

    ``further`` is the path of a source that the device may leave alone; where it does nothing is judged.
    ``url`` is where its CRL or its OCSP responder is, ``sources`` the extensions by which any certificate says that
    the one of the authority that the device trusts are, and ``now`` the time.
    """

    def __init__(self, peer: Peer, *, by_ocsp: bool) -> None:
        """Nothing is served yet."""
        assert peer.web is not None
        self.peer, self.web, self.now = peer, peer.web, peer.link.now()
        word = peer.random(6).hex()
        self.path = f"/{word}.{'ocsp' if by_ocsp else 'crl'}"
        self.url = self.web.url(self.path)
        self.root = authority()
        self.sources = _sources(self.web)
        self.issuer = self.below(self.root)
        self.serial: int | None = None
        self.further = ""
        self.names = responders if by_ocsp else points
        self.extensions: list[Extension] = [self.names(self.url)]

    def below(self, above: Authority, *extensions: Extension, **changes: Any) -> Authority:
        """Another authority that the device has never seen, by default with nothing wrong.

        It may sign CRLs and, which is another bit of keyUsage, OCSP responses (RFC 5280, section 4.2.1.3).
        """
        name = f"CN=between {self.peer.random(6).hex()},O=ikespec"
        more = extensions or self.sources
        if all(one.oid != x509.KeyUsage.oid for one in more):
            more = (*more, key_usage("digital_signature", "key_cert_sign", "crl_sign"))
        return Authority.create(name, issuer=above, **{"key": new_key("ecdsa"), **changes}, extensions=more)

    def two_steps(self) -> tuple[Authority, str]:
        """Put another authority above ours; that, and the path of what is told about ours, which is not there yet."""
        path = f"{self.path}-above"
        upper, self.issuer = self.issuer, self.below(self.issuer, self.names(self.web.url(path)))
        return upper, path

    @cached_property
    def leaf(self) -> Leaf:
        """Our certificate."""
        serial = int.from_bytes(b"\x4a" + self.peer.random(14), "big")
        return in_our_name(
            self.peer, self.issuer, key=new_key("ecdsa"), extensions=self.extensions, serial=self.serial or serial
        )

    @property
    def number(self) -> int:
        """Its serial number."""
        return self.leaf.certificate.serial_number

    def list(self, *numbers: int, **changes: Any) -> bytes:
        """A CRL of our issuer with these serial numbers, or of another ``issuer``."""
        return crl(changes.pop("issuer", self.issuer), self.now, numbers, **changes)

    def says(self, status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD, **changes: Any) -> Callable[[Asked], Page]:
        """An OCSP responder that says this of our certificate, with the nonce of the request.

        ``signer`` is that of `response`, the other changes those of `single`.
        """
        signer = changes.pop("signer", self.issuer)
        issuer, number = changes.pop("issuer", self.issuer), changes.pop("number", self.number)
        said = single(number, issuer, self.now, status, **changes)
        return lambda asked: ocsp_page(response(said, signer, nonce=nonce_in(asked.body)))

    def serve(self, told: Told) -> Leaf:
        """From now on the web server says this; our credentials."""
        self.web.put(self.path, Page(told) if isinstance(told, bytes) else told)
        return self.leaf

    def left_open(self) -> str:
        """Why nothing is to be judged: the device has left the further source alone."""
        alone = self.further and not self.web.requests(self.further)
        return "it asks no other source where a responder knows nothing" if alone else ""


def ocsp_page(octets: bytes) -> Page:
    """What an OCSP responder answers (RFC 6960, appendix A.1)."""
    return Page(octets, kind="application/ocsp-response")


def _sources(web: WebServer) -> tuple[Extension, ...]:
    return points(web.url(ROOT_LIST)), responders(web.url(ROOT_RESPONDER))


def all_is_well(web: WebServer) -> None:
    """The authority that the device trusts has revoked nothing."""
    web.put(ROOT_LIST, Page(crl(authority(), time.time())))
    web.put(ROOT_RESPONDER, _well)


def _well(asked: Asked) -> Page:
    try:
        number = ocsp.load_der_ocsp_request(asked.body).serial_number
    except ValueError:
        return ocsp_page(b"")
    return ocsp_page(response(single(number, authority(), time.time()), authority(), nonce=nonce_in(asked.body)))


def checked(**changes: Any) -> Setup:
    """Certificates; both say where to learn whether they are revoked."""

    def setup(pixit: Pixit) -> Connection:
        ours, device, trust = certified(pixit, "ecdsa")
        if pixit.credentials.ours is not None:
            raise NotApplicable("our certificate does not say where we tell whether it is revoked")
        sources = _sources(WebServer(pixit.tester_address, pixit.web_port))
        us, them = (_certified(one, sources) for one in (ours, device))
        return build(us, them, pixit, **{"trust": trust, **changes})

    return setup


def two_anchors(pixit: Pixit) -> Connection:
    """The same; both trust another authority, too."""
    return checked(trust=(authority().certificate, second_authority().certificate))(pixit)


def _certified(party: Party, sources: Sequence[Extension]) -> Party:
    name = str(party.identity)
    made = authority().issue(name, sans=[name], extensions=sources)
    return Party(party.identity, PublicKey((made.certificate,), made.key))


STRICT: dict[str, Any] = {"connection": checked(), "web": all_is_well, "device": {"revocation": Revocation.STRICT}}
"""For `purpose`: the device takes only certificates that are known not to be revoked."""
RELAXED: dict[str, Any] = {**STRICT, "device": {"revocation": Revocation.RELAXED}}
"""The same, and it takes those of which nobody knows, too."""

Tell = Callable[[Case], Told]
Register = Callable[[Tell], AsResponder]


def refused_by(kind: Capability, identifier: str, *requirements: str, **further: Any) -> Register:
    """The device, which checks by CRLs or by OCSP, must not take our certificate, in either role."""
    return lambda tell: refused(identifier, *requirements, **{**STRICT, "needs": (kind,), **further})(_made(kind, tell))


def accepted_by(kind: Capability, identifier: str, *requirements: str, **further: Any) -> Register:
    """The device, which checks by CRLs or by OCSP, must take our certificate, in either role."""
    usual = {**STRICT, "needs": (kind,), **further}
    return lambda tell: accepted(identifier, *requirements, **usual)(_made(kind, tell))


def _made(kind: Capability, tell: Tell) -> Callable[[Peer], Shown]:
    def make(peer: Peer) -> Shown:
        case = Case(peer, by_ocsp=kind is Capability.OCSP)
        made = case.serve(tell(case))
        return Shown(ourselves(peer, chain=made.chain, key=made.key), left_open=case.left_open)

    make.__name__, make.__doc__, make.__module__ = tell.__name__, tell.__doc__, tell.__module__
    return make
