"""Methods by their names."""

from dataclasses import replace

import pytest

from conformance.eap.making import KNOWN, OF_CARDS, Means, peer_method, server_method
from peers.credentials import CARD, IMSI
from tests.eap.talk import agree, peer_of, server_of, talk
from tests.tls.pair import NOW, leaf, root


def means(name: str, who: str) -> Means:
    found = Means(b"tester", b"a password", NOW, leaf(who), (root().certificate,))
    card = OF_CARDS.get(name)
    return found if card is None else replace(found, name=(card + IMSI).encode(), secret=CARD)


@pytest.mark.parametrize("name", KNOWN)
def test_both_sides_of_a_name_succeed(name: str) -> None:
    peer = peer_of(peer_method(name, means(name, "client")))
    peer.identity = means(name, "client").name
    eap_server = server_of(server_method(name, means(name, "server")))
    talk(peer, eap_server)
    agree(peer, eap_server)
    assert (peer.msk is None) == (name in ("md5", "gtc"))
