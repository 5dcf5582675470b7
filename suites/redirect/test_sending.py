"""The device as responder sends initiators to another gateway (RFC 5685)."""

from contextlib import suppress

from conformance.ike.core.connection import CookiePolicy, Redirection, RedirectWhen
from conformance.ike.core.sending import NO_SPI
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import AUTH, KE, SA, ExchangeType, IDr, Message, Nonce, Notify, NotifyType, TSi, TSr
from conformance.wire.gateway import Gateway
from peers.capabilities import Capability
from suites.connections import eap
from suites.create_child_sa.answers import deletes_ike, shortest_nonce, successor
from suites.dut import Dut
from suites.ike_auth.refusal import must_not_succeed
from suites.purpose import purpose
from suites.redirect.steps import must_be_plain, rekeyed_by

ELSEWHERE, ELSEWHERE6, NAME = "203.0.113.77", "2001:db8:77::1", "gateway2.ikespec.example"
OTHER_MEMBER = "203.0.113.79"
IN_INIT, IN_AUTH, LATER = (
    (one,) for one in (Capability.REDIRECT_INIT, Capability.REDIRECT_AUTH, Capability.REDIRECT_LATER)
)
ANNOUNCED = bend.append(Notify(NotifyType.REDIRECT_SUPPORTED))
COMES_FROM = bend.append(Notify(NotifyType.REDIRECTED_FROM, Gateway.of("203.0.113.78").encode()))


def sending(when: RedirectWhen, gateway: str = ELSEWHERE) -> dict[str, object]:
    """The device's side of a connection that sends initiators away."""
    return {"redirect": Redirection(gateway, when)}


def must_redirect(peer: Peer, message: Message, gateway: str, nonce: bytes, requirement: str) -> None:
    """The message sends us to this gateway, with this nonce or none."""
    notify = peer.expect_notify(message, NotifyType.REDIRECT, requirement)
    must_be_plain(peer, notify, "RFC5685-9.2-1")
    named = Gateway.of(gateway).encode()
    peer.check(notify.data.startswith(named), f"REDIRECT to {gateway}", notify, "RFC5685-9.2-2")
    behind = notify.data[len(named) :]
    if nonce:
        peer.check(behind == nonce, "our nonce behind it", behind.hex() or "none", "RFC5685-3-4")
    else:
        peer.check(not behind, "no nonce behind it", behind.hex(), requirement)


# --- in IKE_SA_INIT ---------------------------------------------------------------------------------------------------


def sent_away(peer: Peer, bent: Bend, gateway: str, requirement: str) -> ScriptedSa:
    """The IKE_SA_INIT response sends us away and does nothing else."""
    sa = peer.sa()
    answer = sa.init(bent)
    must_redirect(peer, answer, gateway, sa.nonce_i, requirement)
    peer.check(answer.spi_r == NO_SPI, "a responder SPI of zero", answer.spi_r.hex(), "RFC5685-3-5")
    others = [one for one in (SA, KE, Nonce) if answer.first(one) is not None]
    peer.check(not others, "neither SA, KE nor Nonce beside it", answer, "RFC5685-3-5")
    return sa


@purpose(
    "redirects-init", "RFC5685-3-4", "RFC5685-3-5", "RFC5685-9.2-1", "RFC5685-9.2-2", role="responder", needs=IN_INIT,
    device=sending(RedirectWhen.INIT), ordinary=True,
)  # fmt: skip
def test_init(peer: Peer) -> None:
    """An initiator that follows is sent away in IKE_SA_INIT, by a REDIRECT with its nonce and without an IKE SA."""
    sent_away(peer, ANNOUNCED, ELSEWHERE, "RFC5685-3-4")


@purpose(
    "redirects-init-ipv6", "RFC5685-9.2-2", "RFC5685-3-4", role="responder", needs=IN_INIT,
    device=sending(RedirectWhen.INIT, ELSEWHERE6), ordinary=True,
)  # fmt: skip
def test_init_ipv6(peer: Peer) -> None:
    """A gateway with an IPv6 address is written as type 2 and sixteen octets."""
    sent_away(peer, ANNOUNCED, ELSEWHERE6, "RFC5685-9.2-2")


@purpose(
    "redirects-init-name", "RFC5685-9.2-2", "RFC5685-3-4", role="responder", needs=IN_INIT,
    device=sending(RedirectWhen.INIT, NAME), ordinary=True,
)  # fmt: skip
def test_init_name(peer: Peer) -> None:
    """A gateway that has a name is written as type 3 and that name, without a terminator."""
    sent_away(peer, ANNOUNCED, NAME, "RFC5685-9.2-2")


@purpose(
    "redirects-init-from", "RFC5685-3-12", role="responder", needs=IN_INIT, device=sending(RedirectWhen.INIT),
    ordinary=True,
)  # fmt: skip
def test_init_from(peer: Peer) -> None:
    """REDIRECTED_FROM is as good as REDIRECT_SUPPORTED: who has been redirected can be redirected."""
    sent_away(peer, COMES_FROM, ELSEWHERE, "RFC5685-3-12")


@purpose(
    "redirects-init-nonces", "RFC5685-3-4", role="responder", needs=IN_INIT, device=sending(RedirectWhen.INIT),
    ordinary=True,
)  # fmt: skip
def test_init_nonces(peer: Peer) -> None:
    """The nonce comes back whole, be it as short as may be, an octet longer, or of 256 octets."""
    least = shortest_nonce(peer)
    for size in (least, least + 1, 256):
        nonce = peer.random(size)
        sa = peer.sa()
        answer = sa.init(ANNOUNCED | bend.change(Nonce, data=nonce))
        must_redirect(peer, answer, ELSEWHERE, nonce, "RFC5685-3-4")


@purpose(
    "redirects-init-unasked", "RFC5685-3-3", role="responder", needs=IN_INIT, device=sending(RedirectWhen.INIT),
    ordinary=True,
)  # fmt: skip
def test_init_unasked(peer: Peer) -> None:
    """An initiator that says nothing of redirects gets none: it is served, refused in another way, or not answered."""
    sa = peer.sa()
    sa.begin(sa.start_init)
    peer.idle(peer.response_timeout / 2)
    came = [one.message for one in peer.inbox if one.message.is_response and redirects(one.message)]
    peer.check(not came, "no REDIRECT", came[0] if came else "", "RFC5685-3-3")


@purpose(
    "redirects-init-again", "RFC5685-3-5", role="responder", needs=IN_INIT, device=sending(RedirectWhen.INIT),
    ordinary=True,
)  # fmt: skip
def test_init_again(peer: Peer, dut: Dut) -> None:
    """Who is sent away leaves nothing behind, and is told the same when he repeats his request."""
    sa = sent_away(peer, ANNOUNCED, ELSEWHERE, "RFC5685-3-5")
    found = sa.repeat()
    must_redirect(peer, found.message, ELSEWHERE, sa.nonce_i, "RFC5685-3-5")
    if Capability.LIST_SAS in dut.device.capabilities:
        left = [one for one in dut.sas() if one.spi_i == sa.spi_i]
        peer.check(not left, "no IKE SA", left[0] if left else "", "RFC5685-3-5")


@purpose(
    "redirects-init-cookie", "RFC5685-3-4", "RFC5685-3-5", role="responder",
    needs=(*IN_INIT, Capability.COOKIE_ALWAYS), ordinary=True,
    device={**sending(RedirectWhen.INIT), "cookies": CookiePolicy.ALWAYS},
)  # fmt: skip
def test_init_cookie(peer: Peer) -> None:
    """A device under load asks for a cookie first, or sends away at once: who comes with the cookie is sent away."""
    sent_away(peer, ANNOUNCED, ELSEWHERE, "RFC5685-3-4")


@purpose(
    "redirects-init-many", "RFC5685-3-4", "RFC5685-3-5", role="responder", needs=IN_INIT,
    device=sending(RedirectWhen.INIT), ordinary=True,
)  # fmt: skip
def test_init_many(peer: Peer, dut: Dut) -> None:
    """A hundred initiators, one after the other, are each sent away with their own nonce, and nothing is left."""
    gone = {sent_away(peer, ANNOUNCED, ELSEWHERE, "RFC5685-3-4").spi_i for _ in range(100)}
    if Capability.LIST_SAS in dut.device.capabilities:
        left = [one for one in dut.sas() if one.spi_i in gone]
        peer.check(not left, "no IKE SA", f"{len(left)} of them", "RFC5685-3-5")


@purpose(
    "redirects-init-members", "RFC5685-3-4", "RFC5685-9.2-2", role="responder", needs=IN_INIT,
    device={"redirect": Redirection(ELSEWHERE, RedirectWhen.INIT, (OTHER_MEMBER,))}, ordinary=True,
)  # fmt: skip
def test_init_members(peer: Peer) -> None:
    """A device that stands before two gateways sends twelve initiators to these, to whichever it likes.

    How it spreads them is for the device to say; the names that it gives are noted.
    """
    members, chosen = (ELSEWHERE, OTHER_MEMBER), list[str]()
    for _ in range(12):
        sa = peer.sa()
        answer = sa.init(ANNOUNCED)
        notify = peer.expect_notify(answer, NotifyType.REDIRECT, "RFC5685-3-4")
        found = [one for one in members if notify.data == Gateway.of(one).encode(sa.nonce_i)]
        peer.check(found, f"REDIRECT to one of {', '.join(members)}, with our nonce", notify, "RFC5685-9.2-2")
        chosen += found
    peer.note(", ".join(f"{one} {chosen.count(one)} times" for one in members))


# --- in IKE_AUTH ------------------------------------------------------------------------------------------------------


def sent_away_in_auth(peer: Peer, answer: Message) -> None:
    """The IKE_AUTH response proves who the device is, sends us away and makes no Child SA."""
    peer.expect(answer, AUTH, "RFC5685-6-6")
    must_redirect(peer, answer, ELSEWHERE, b"", "RFC5685-9.2-3")
    made = [one for one in (SA, TSi, TSr) if answer.first(one) is not None]
    peer.check(not made, "no Child SA", answer, "RFC5685-6-1")


@purpose(
    "redirects-auth", "RFC5685-6-1", "RFC5685-9.2-1", "RFC5685-9.2-2", "RFC5685-9.2-3", role="responder", needs=IN_AUTH,
    device=sending(RedirectWhen.AUTH), ordinary=True,
)  # fmt: skip
def test_auth(peer: Peer) -> None:
    """Who has proved who he is is sent away in IKE_AUTH, without a Child SA; the IKE SA lives until it is deleted."""
    sa = peer.sa()
    sa.init(ANNOUNCED)
    answer = sa.auth()
    peer.expect(answer, IDr)
    sent_away_in_auth(peer, answer)
    sa.liveness()


@purpose(
    "redirects-auth-wrong-proof", "RFC5685-6-2", role="responder", needs=IN_AUTH, device=sending(RedirectWhen.AUTH),
    ordinary=True,
)  # fmt: skip
def test_auth_wrong_proof(peer: Peer) -> None:
    """Who has not proved who he is learns nothing of other gateways."""
    sa = peer.sa()
    sa.init(ANNOUNCED)
    wrong = bend.replace(AUTH, lambda one: AUTH(one.method, bytes((one.data[0] ^ 1,)) + one.data[1:]), "a wrong AUTH")
    answer = must_not_succeed(peer, sa, wrong)
    peer.check(answer.notify(NotifyType.REDIRECT) is None, "no REDIRECT", answer, "RFC5685-6-2", bypass=True)


@purpose(
    "redirects-auth-unasked", "RFC5685-3-3", "RFC5685-3-2", role="responder", needs=IN_AUTH,
    device=sending(RedirectWhen.AUTH), ordinary=True,
)  # fmt: skip
def test_auth_unasked(peer: Peer) -> None:
    """An initiator that says nothing of redirects gets none in IKE_AUTH either."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    peer.check(answer.notify(NotifyType.REDIRECT) is None, "no REDIRECT", answer, "RFC5685-3-3")


@purpose(
    "redirects-eap", "RFC5685-6-5", "RFC5685-6-6", "RFC5685-9.2-3", role="responder", needs=(*IN_AUTH, Capability.EAP),
    connection=eap("mschapv2", "tls"), device=sending(RedirectWhen.AUTH), ordinary=True,
)  # fmt: skip
def test_eap(peer: Peer) -> None:
    """With EAP the REDIRECT is in the first response or in the last, and in none between."""
    sa = peer.sa()
    sa.init(ANNOUNCED)
    answer, answers = sa.auth(follow=False), list[Message]()
    while answer.first(AUTH) is None or not answers:
        answers.append(answer)
        if answer.notify(NotifyType.REDIRECT) is not None and len(answers) == 1:
            break
        answer = sa.proceed(answer)
    answers.append(answer)
    places = [number for number, one in enumerate(answers) if one.notify(NotifyType.REDIRECT) is not None]
    allowed = places and set(places) <= {0, len(answers) - 1}
    peer.check(allowed, "REDIRECT in the first or the last response", f"in {places or 'none'}", "RFC5685-6-5")
    sent_away_in_auth(peer, answers[places[0]])


# --- later ------------------------------------------------------------------------------------------------------------


def told(peer: Peer, dut: Dut, sa: ScriptedSa, gateway: str = ELSEWHERE) -> None:
    """The device is told to send us away: a request with REDIRECT, which comes again until it is answered."""
    dut.redirect(gateway)
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=redirects, requirement="RFC5685-5-1")
    must_redirect(peer, request.message, gateway, b"", "RFC5685-5-2")
    peer.idle(dut.retransmission.timeout * 1.5)
    peer.check(request.copies > 1, "the request repeated", f"{request.copies} copy", "RFC5685-5-4")
    sa.answer(request)


def redirects(message: Message) -> bool:
    """Whether a request redirects."""
    return message.notify(NotifyType.REDIRECT) is not None


def up(peer: Peer, bent: Bend | None = None) -> ScriptedSa:
    """An IKE SA with an initiator that follows."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT and IKE_AUTH"):
        sa.init(bent)
        sa.auth()
        sa.must_be_established()
    peer.pause()
    return sa


@purpose(
    "redirects-later", "RFC5685-5-1", "RFC5685-5-2", "RFC5685-5-4", "RFC5685-9.2-1", "RFC5685-9.2-2", role="responder",
    needs=LATER,
)  # fmt: skip
def test_later(peer: Peer, dut: Dut) -> None:
    """Told to send us away, the device does so by an INFORMATIONAL request without a nonce, until we answer."""
    told(peer, dut, up(peer, ANNOUNCED))


@purpose("redirects-later-from", "RFC5685-3-12", "RFC5685-5-2", role="responder", needs=LATER)
def test_later_from(peer: Peer, dut: Dut) -> None:
    """The same for an initiator that says by REDIRECTED_FROM that it follows."""
    told(peer, dut, up(peer, COMES_FROM))


@purpose(
    "redirects-later-rekeyed", "RFC5685-3-2", "RFC5685-5-2", role="responder",
    needs=(*LATER, Capability.REKEY_IKE),
)  # fmt: skip
def test_later_rekeyed(peer: Peer, dut: Dut) -> None:
    """After a rekey of the IKE SA the device still knows that its peer follows."""
    sa = up(peer, ANNOUNCED)
    with peer.preamble("our rekey of the IKE SA"):
        new = successor(peer, sa)
    told(peer, dut, new)


@purpose(
    "redirects-later-own-rekey", "RFC5685-3-2", "RFC5685-5-2", role="responder",
    needs=(*LATER, Capability.REKEY_IKE),
)  # fmt: skip
def test_later_own_rekey(peer: Peer, dut: Dut) -> None:
    """The same where the device has rekeyed the IKE SA, and so is the initiator of the new one."""
    told(peer, dut, rekeyed_by(peer, dut, up(peer, ANNOUNCED)))


@purpose("redirects-later-unasked", "RFC5685-3-3", role="responder", needs=LATER)
def test_later_unasked(peer: Peer, dut: Dut) -> None:
    """A peer that has said nothing of redirects gets none, even if the device is told to send it one."""
    sa = up(peer)
    dut.redirect(ELSEWHERE)
    peer.idle(peer.response_timeout / 2)
    came = [one.message for one in peer.inbox if one.sa is sa and redirects(one.message)]
    peer.check(not came, "no REDIRECT", came[0] if came else "", "RFC5685-3-3")
    if any(one.sa is sa and deletes_ike(one.message) for one in peer.inbox):
        raise Inconclusive("the device has ended the IKE SA in place of it")
    sa.liveness()


@purpose("redirects-from-odd", "RFC7296-3.10.1-3", role="responder")
def test_from_odd(peer: Peer) -> None:
    """REDIRECTED_FROM with a hostile address, of no known type, too long, too short, empty: no harm to anybody.

    A device that redirects may refuse what it cannot read; a sound request is served afterwards.
    """
    datas = (
        Gateway.of("127.0.0.1").encode(), Gateway.of("255.255.255.255").encode(), Gateway.of("::1").encode(),
        b"", b"\1", b"\1\4\x7f", b"\1\xff" + bytes(4), b"\x09\4" + bytes(4), b"\3\0", b"\3\xff" + b"x" * 255,
        bytes(2000),
    )  # fmt: skip
    for data in datas:
        sa = peer.sa(initial_contact=False)
        with suppress(Unexpected):
            sa.init(bend.append(Notify(NotifyType.REDIRECTED_FROM, data)))
            sa.auth()
            sa.delete()
        sa.pending = None
    up(peer).must_be_up("RFC7296-3.10.1-3")
