"""Web servers that are slow, endless or silent: a device that asks them comes back, and believes nothing meanwhile."""

from collections.abc import Callable

from conformance.net.http import Page
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, Message
from peers.capabilities import Capability
from suites.certificates.revoking import STRICT, Case
from suites.certificates.urls import LONGEST
from suites.ike_auth.refusal import control
from suites.ike_auth.steps import ourselves
from suites.purpose import purpose

_CITED = ("RFC4945-5.2-1", "RFC7296-1.2-18")

Pages = Callable[[Case], Page]


def hostile(case: Case, page: Page) -> None:
    """The device asks this server about our certificate: it must not take us, and serve us again once it has given up.

    It may serve others meanwhile or not; nothing says how many things it does at a time.
    """
    peer, made = case.peer, case.serve(page)
    sa = peer.sa(local=ourselves(peer, chain=made.chain, key=made.key), retransmit_timeout=LONGEST / 32)
    sa.init()
    sa.first_child = sa.connection.children[0].name
    sent = sa.begin(sa.start_auth)
    answer = _answer(peer, lambda: sa.response(sent, timeout=LONGEST).message)
    if answer is not None:
        peer.check(answer.first(AUTH) is None, "no AUTH in the response", answer, "RFC7296-1.2-18", bypass=True)
    asked = case.web.requests(case.path)
    peer.note(f"the device has asked {len(asked)} times" if asked else "the device has not asked")
    control(peer)


def _answer(peer: Peer, wait: Callable[[], Message]) -> Message | None:
    try:
        return wait()
    except Unexpected:
        peer.note(f"no answer within {LONGEST:g} s")
        return None


def _register(kind: Capability, word: str, title: str, page: Pages) -> None:
    def test(peer: Peer) -> None:
        case = Case(peer, by_ocsp=kind is Capability.OCSP)
        hostile(case, page(case))

    name = f"{kind.value}-{word}"
    test.__doc__, test.__module__ = title, __name__
    test.__name__ = test.__qualname__ = f"test_{name.replace('-', '_')}"
    globals()[test.__name__] = purpose(
        f"cert-{name}", *_CITED, role="responder", needs=(kind,), waits=LONGEST, **STRICT
    )(test)


def _good(case: Case) -> bytes:
    """What would be taken if it came: a CRL, which is no OCSP response either."""
    return case.list()


def held(octets: bytes) -> Page:
    """One octet less than is promised, and then nothing."""
    return Page(octets, length=len(octets) + 1, hold=True)


PAGES: dict[str, tuple[str, Pages]] = {
    "silent": ("takes the request and never answers", lambda case: Page(silent=True)),
    "slow": ("sends one octet in five seconds", lambda case: Page(_good(case), piece=1, pause=5.0)),
    "endless": ("sends octets without end", lambda case: Page(bytes(16384), pause=0.01, endless=True)),
    "huge": ("sends 40 MB of zeros", lambda case: Page(bytes(40 << 20))),
    "held": ("promises more octets than it sends, and holds the connection", lambda case: held(_good(case))),
    "loop": ("redirects to itself", lambda case: Page(status=302, location=case.url)),
}


for _kind, _what in ((Capability.CRL, "server of CRLs"), (Capability.OCSP, "OCSP responder")):
    for _word, (_does, _page) in PAGES.items():
        _register(_kind, _word, f"The {_what} {_does}.", _page)
