"""Commands and templates of external devices are told all of a connection."""

import json
from dataclasses import fields, replace

from conformance.ike.core.connection import ChildConfig, Connection, CookiePolicy, Mode
from peers.contract import Pixit
from peers.described import connection_json, connection_tree
from tests.peers.connections import child_view, device_view


def test_every_field_is_described() -> None:
    tree = connection_tree(device_view())
    # What a side proves after its first authentication is beside it, as a plain list.
    assert {one.name for one in fields(Connection)} | {"local_further", "remote_further"} == set(tree)
    assert {one.name for one in fields(ChildConfig)} == set(tree["children"][0])


def test_what_is_described_is_what_the_connection_says() -> None:
    child = child_view(mode=Mode.TRANSPORT, lifetime=7.0, local_ts=("192.0.2.1/32",))
    connection = device_view(
        children=(child,), local_pool="10.77.0.0/24", remote_pool="10.78.0.0/24", keepalive=None,
        cookies=CookiePolicy.ALWAYS, fragment_size=576, mobike=True,
    )  # fmt: skip
    tree = json.loads(connection_json(connection, Pixit("192.0.2.1", "192.0.2.2")))["connection"]
    plain = {one.name: getattr(connection, one.name) for one in fields(connection)}
    for name, value in plain.items():
        if isinstance(value, str | int | float | None):
            assert tree[name] == value, name
    assert tree["cookies"] == "always"
    for one in fields(child):
        value = getattr(child, one.name)
        wanted = value.value if isinstance(value, Mode) else list(value) if isinstance(value, tuple) else value
        assert tree["children"][0][one.name] == wanted, one.name


def test_how_the_device_is_reached_is_described() -> None:
    pixit = Pixit("192.0.2.1", "192.0.2.2", device_pool="10.77.0.0/24")
    tree = json.loads(connection_json(device_view(), pixit))["pixit"]
    assert set(tree) == {one.name for one in fields(Pixit)} - {"credentials"}
    assert tree["algorithms"]["ike"] == list(pixit.algorithms.ike)
    assert tree["device_pool"] == "10.77.0.0/24"
    changed = replace(pixit, response_timeout=9.0)
    assert json.loads(connection_json(device_view(), changed))["pixit"]["response_timeout"] == 9.0
