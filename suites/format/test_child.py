"""Malformed requests for Child SAs: all lengths and counts again, authentic this time (RFC 7296, section 2.21.3)."""

from dataclasses import replace

from conformance.ike.core.selectors import covered
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import SA, Notify, TrafficSelector, TSi, UnknownPayload
from suites.format.steps import serves_others
from suites.purpose import purpose


def _refused(peer: Peer, *bends: Bend) -> None:
    """Each bent CREATE_CHILD_SA request gets a response with an error and no SA payload."""
    for one in bends:
        sa = peer.establish(initial_contact=False)
        answer = sa.create_child(bend=one)
        refused = fatal(answer) and not answer.first(SA)
        peer.check(refused, "an error notification and no SA", answer, "RFC7296-2.21.3-1")
    serves_others(peer)


def _selector(length: int) -> Bend:
    return bend.replace(
        TSi,
        lambda ts: replace(ts, selectors=(replace(ts.selectors[0], length=length), *ts.selectors[1:])),
        f"Selector Length {length}",
    )


def _proposal(**lies: int) -> Bend:
    return bend.replace(SA, lambda sa: replace(sa, proposals=(replace(sa.proposals[0], **lies),)), f"proposal {lies}")


@purpose("format-ts-length", "RFC7296-2.21.3-1", "RFC7296-3.13.1-2", role="responder")
def test_ts_length(peer: Peer) -> None:
    """A selector of 7, 17 or 400 octets where an IPv4 range has 16 is an error."""
    _refused(peer, _selector(7), _selector(17), _selector(400))


def _left_over(octets: int, offered: list[TSi]) -> Bend:
    def longer(ts: TSi) -> UnknownPayload:
        offered.append(ts)
        return UnknownPayload(ts.payload_type, ts.encode_body() + bytes(octets))

    return bend.replace(TSi, longer, f"{octets} octets behind the last selector")


@purpose("format-ts-left-over", "RFC7296-2.9-3", "RFC7296-2.21.3-1", "RFC7296-3.13-1", role="responder")
def test_ts_left_over(peer: Peer) -> None:
    """Behind the selectors that the count tells of are one, three or eight octets: an error, or they are none.

    That a payload ends with its last selector binds who sends it; who reads as many as are counted has read all.
    """
    for octets in (1, 3, 8):
        sa, offered = peer.establish(initial_contact=False), list[TSi]()
        answer = sa.create_child(bend=_left_over(octets, offered))
        if answer.first(SA) is None:
            peer.check(fatal(answer), "an error notification", answer, "RFC7296-2.21.3-1")
            continue
        ours = [one for one in offered[-1].selectors if isinstance(one, TrafficSelector)]
        within = covered(peer.expect(answer, TSi).selectors, ours)
        peer.check(within, "selectors out of our offer", answer, "RFC7296-2.9-3")
    serves_others(peer)


@purpose("format-ts-count", "RFC7296-2.21.3-1", "RFC7296-3.13-1", role="responder")
def test_ts_count(peer: Peer) -> None:
    """More selectors in the count than in the payload are an error."""
    _refused(peer, bend.change(TSi, count=2), bend.change(TSi, count=255))


@purpose("format-child-sa-length", "RFC7296-3.3-4", "RFC7296-2.21.3-1", role="responder")
def test_child_sa_length(peer: Peer) -> None:
    """An SA payload whose lengths and counts do not fit is an error in CREATE_CHILD_SA, too."""
    _refused(peer, _proposal(length=200), _proposal(transform_count=9), _proposal(spi_size=200))


@purpose("format-child-notify-spi", "RFC7296-5-1", role="responder")
def test_notify_spi(peer: Peer) -> None:
    """A REKEY_SA notification whose SPI Size reaches beyond its payload is an error, or ignored: nobody crashes."""
    sa = peer.establish()

    def lying(notify: Notify) -> Notify:
        return replace(notify, spi_size=200)

    sa.rekey_child(bend=bend.replace(Notify, lying, "REKEY_SA with SPI Size 200"))
    serves_others(peer)
