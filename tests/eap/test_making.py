"""Methods by their names."""

from dataclasses import replace

import pytest

from conformance.eap.making import KNOWN, OVER_TLS, Means, peer_method, server_method
from tests.eap.talk import agree, peer_of, server_of, talk
from tests.eap.tunnels import NAME, PASSWORD
from tests.tls.pair import client, server

MEANS = Means(NAME, PASSWORD)


@pytest.mark.parametrize("name", [*KNOWN, *OVER_TLS])
def test_both_sides_of_a_name_succeed(name: str) -> None:
    peer = peer_of(peer_method(name, replace(MEANS, tls=client())))
    eap_server = server_of(server_method(name, replace(MEANS, tls=server())))
    talk(peer, eap_server)
    agree(peer, eap_server)
    assert (peer.msk is None) == (name in ("md5", "gtc"))


@pytest.mark.parametrize("name", OVER_TLS)
def test_tls_needs_to_be_told_of(name: str) -> None:
    for make in (peer_method, server_method):
        with pytest.raises(ValueError, match="needs to know certificates"):
            make(name, MEANS)
