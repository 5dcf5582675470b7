"""The states that a campaign starts from: how each is reached, and which messages may be sent there.

``role`` is the device's. `STATES` has them all by name; what a device does not claim it is not brought to. An extension
brings its states by adding to the table with `state`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

from conformance.ike.core.connection import CookiePolicy, Redirection, RedirectWhen
from conformance.script.message import rekeys_child, rekeys_ike
from conformance.wire import EAP, EapCode, ExchangeType, Message, NotifyType
from peers.capabilities import Capability
from suites.campaign.kinds import first_fragments, start_large
from suites.campaign.scene import Scene, Unreachable
from suites.connections import Setup, certificates, eap, usual
from suites.create_child_sa.answers import deletes_child, deletes_ike

AUTH, CREATE = ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA
INFORMATIONAL = ExchangeType.INFORMATIONAL

_UP = (
    "liveness", "notify", "configuration", "large", "delete-nothing", "create-child", "rekey-child", "rekey",
    "delete-child", "delete", "auth-again", "init-again", "response", "repeat", "clear-liveness", "clear-delete",
    "clear-error", "octets",
)  # fmt: skip
"""What may be sent on an IKE SA that is up."""

_HELD = ("answer", "refuse", "empty", "liveness", "rekey-child", "rekey", "delete-child", "delete", "octets")
"""What may be sent while a request of the device waits for its answer."""

_OPEN = ("init-again", "liveness", "create-child", "clear-liveness", "clear-delete", "clear-error", "octets")
"""What may be sent on an IKE SA that is not up yet."""


@dataclass(frozen=True, slots=True)
class State:
    """A state of a conversation.

    Attributes:
        name: as cases and the command line have it.
        role: that of the device in the IKE SA: ``responder`` or ``initiator``.
        needs: what the device must claim, beside what the connection needs.
        kinds: the messages that a step may send, names of `suites.campaign.kinds.KINDS`; ``octets`` for any datagram.
        reach: brings a scene to the state. Raises Unreachable, Inconclusive, Unexpected, or what an order raises.
        text: what it is, for a reader.
        setup: the connection.
        device: how the device's view of it differs.
        alone: no other IKE SA may be there, for an order would reach that.
        up: the IKE SA is established and nothing is under way.
        weight: how often a campaign comes here beside others; states that are much like each other share what one has.
        canary: an ordinary handshake works with its connection, opened by us.
    """

    name: str
    role: Literal["responder", "initiator"]
    needs: frozenset[Capability]
    kinds: tuple[str, ...]
    reach: Callable[[Scene], None]
    text: str
    setup: Setup
    device: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    alone: bool = False
    up: bool = False
    canary: bool = True
    weight: float = 1.0


_ALIKE = 0.4
"""The weight of states in which a device does much the same as in another one."""

STATES: dict[str, State] = {}

_USUAL = usual()
_CERTIFICATES = certificates()


def state(
    name: str,
    role: Literal["responder", "initiator"],
    text: str,
    *kinds: str,
    needs: tuple[Capability, ...] = (),
    setup: Setup = _USUAL,
    **more: Any,
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Put a state into the table; the function brings a scene there."""

    def register(reach: Callable[[Scene], None]) -> Callable[[Scene], None]:
        claimed = frozenset((*needs, Capability.RESPONDER if role == "responder" else Capability.INITIATOR))
        STATES[name] = State(name, role, claimed, kinds, reach, text, setup, **more)
        return reach

    return register


# --- the device is the responder --------------------------------------------------------------------------------------


@state("init", "responder", "before IKE_SA_INIT", "init", "octets", "stray", weight=2.0)
def _before(scene: Scene) -> None:
    del scene


@state(
    "cookie", "responder", "a cookie has been asked for", "init-cookie", "init-again", "octets",
    needs=(Capability.COOKIE_ALWAYS,), device={"cookies": CookiePolicy.ALWAYS},
)  # fmt: skip
def _cookie(scene: Scene) -> None:
    scene.response = scene.fresh().init(follow=False)
    if scene.response.notify(NotifyType.COOKIE) is None:
        raise Unreachable("the device asks for no cookie")


def _init_done(scene: Scene) -> None:
    scene.opened()


state("init-done", "responder", "after IKE_SA_INIT, shared key", "auth", *_OPEN, weight=3.0)(_init_done)
state("init-done-certificates", "responder", "after IKE_SA_INIT, certificates", "auth", *_OPEN, setup=_CERTIFICATES,
      weight=2.0)(_init_done)  # fmt: skip


@state(
    "auth-fragments", "responder", "all fragments of IKE_AUTH but the last one have come", "rest", "auth", "octets",
    needs=(Capability.FRAGMENTATION,), setup=_CERTIFICATES,
)  # fmt: skip
def _auth_fragments(scene: Scene) -> None:
    scene.opened()
    first_fragments(scene, lambda sa: sa.start_auth())


@state("established", "responder", "the IKE SA is up", *_UP, up=True, weight=2.0)
def _established(scene: Scene) -> None:
    scene.established()


@state("established-certificates", "responder", "the IKE SA is up, by certificates", *_UP, setup=_CERTIFICATES, up=True,
       weight=_ALIKE)  # fmt: skip
def _established_certificates(scene: Scene) -> None:
    scene.established()


@state(
    "fragments", "responder", "all fragments of a request but the last one have come", "rest", "large", "liveness",
    "octets", needs=(Capability.FRAGMENTATION,),
)  # fmt: skip
def _fragments(scene: Scene) -> None:
    scene.established()
    first_fragments(scene, start_large)


@state("nat", "responder", "the IKE SA is up behind a NAT", *_UP, needs=(Capability.NAT_T,),
       setup=usual(force_encapsulation=True), device={"force_encapsulation": False}, up=True,
       weight=_ALIKE)  # fmt: skip
def _nat(scene: Scene) -> None:
    scene.established()


@state("child-rekeyed", "responder", "a Child SA has been rekeyed, the old one is still there", *_UP,
       weight=_ALIKE)  # fmt: skip
def _child_rekeyed(scene: Scene) -> None:
    sa = scene.established()
    sa.tidy = False
    sa.rekey_child()
    sa.tidy = True


@state("ike-rekeyed", "responder", "the IKE SA has been rekeyed, the old one is still there",
       "liveness", "delete", "create-child", "rekey", "notify", "clear-delete", "octets", weight=_ALIKE)  # fmt: skip
def _ike_rekeyed(scene: Scene) -> None:
    sa = scene.established()
    sa.tidy = False
    sa.rekey()
    sa.tidy = True


@state("successor", "responder", "the IKE SA has been rekeyed, on its successor", *_UP, weight=_ALIKE)
def _successor(scene: Scene) -> None:
    sa = scene.established()
    sa.rekey()
    sa.finish()
    scene.sa = sa.rekeyed
    scene.begun.append(scene.sa)
    scene.sa.pacing = True
    scene.sa.liveness()


@state("device-rekeys-child", "responder", "the device has asked for the rekey of a Child SA", *_HELD,
       needs=(Capability.REKEY_CHILD,), alone=True)  # fmt: skip
def _device_rekeys_child(scene: Scene) -> None:
    sa = scene.established()
    scene.wait_for(partial(scene.device.rekey_child, sa.child.config.name), CREATE, rekeys_child)


@state("device-rekeys-ike", "responder", "the device has asked for the rekey of the IKE SA", *_HELD,
       needs=(Capability.REKEY_IKE,), alone=True)  # fmt: skip
def _device_rekeys_ike(scene: Scene) -> None:
    scene.established()
    scene.wait_for(scene.device.rekey_ike, CREATE, rekeys_ike)


@state("child-collision", "responder", "both sides have asked for the rekey of a Child SA", "answer", "refuse", "empty",
       "octets", needs=(Capability.REKEY_CHILD,), alone=True)  # fmt: skip
def _child_collision(scene: Scene) -> None:
    sa = scene.established()
    scene.wait_for(partial(scene.device.rekey_child, sa.child.config.name), CREATE, rekeys_child)
    sa.begin(partial(sa.start_child_rekey, sa.child))


@state("ike-collision", "responder", "both sides have asked for the rekey of the IKE SA", "answer", "refuse", "empty",
       "octets", needs=(Capability.REKEY_IKE,), alone=True)  # fmt: skip
def _ike_collision(scene: Scene) -> None:
    sa = scene.established()
    scene.wait_for(scene.device.rekey_ike, CREATE, rekeys_ike)
    sa.begin(sa.start_rekey)


@state("device-deletes-child", "responder", "the device has asked for the deletion of a Child SA", *_HELD,
       needs=(Capability.DELETE_CHILD,), alone=True)  # fmt: skip
def _device_deletes_child(scene: Scene) -> None:
    sa = scene.established()
    scene.wait_for(partial(scene.device.delete_child, sa.child.config.name), INFORMATIONAL, deletes_child)


@state("device-deletes", "responder", "the device has asked for the deletion of the IKE SA", *_HELD,
       needs=(Capability.DELETE_IKE,), alone=True)  # fmt: skip
def _device_deletes(scene: Scene) -> None:
    scene.established()
    scene.wait_for(scene.device.delete_ike, INFORMATIONAL, deletes_ike)


@state("redirected", "responder", "the device has sent us to another gateway", *_HELD,
       needs=(Capability.REDIRECT_LATER,), setup=usual(follows_redirects=True), alone=True, weight=_ALIKE)  # fmt: skip
def _redirected(scene: Scene) -> None:
    scene.established()
    gateway = scene.device.pixit.tester_spare or scene.device.pixit.tester_address
    scene.wait_for(
        partial(scene.device.redirect, gateway), INFORMATIONAL, lambda one: one.notify(NotifyType.REDIRECT) is not None
    )


for _when, _claim in ((RedirectWhen.INIT, Capability.REDIRECT_INIT), (RedirectWhen.AUTH, Capability.REDIRECT_AUTH)):
    _word = _when.name.lower()
    state(
        f"redirecting-{_word}", "responder", f"the device sends initiators away in {_when.value}",
        *(("init", "octets") if _word == "init" else ("auth", *_OPEN)),
        needs=(_claim,), setup=usual(follows_redirects=True),
        device={"redirect": Redirection("192.0.2.77", _when), "follows_redirects": False}, canary=False,
        weight=_ALIKE,
    )(_before if _word == "init" else _init_done)  # fmt: skip


# --- EAP --------------------------------------------------------------------------------------------------------------

EAP_METHODS = (
    "md5", "gtc", "mschapv2", "tls", "ttls", "peap", "sim", "aka", "aka-prime", "anyconnect",
)  # fmt: skip


_ONE_OF_MANY = 0.12


def _eap_rounds(scene: Scene, rounds: int) -> None:
    sa = scene.opened()
    response = sa.auth(follow=False)
    for _ in range(rounds - 1):
        response = sa.proceed(response)
    _must_ask(response)
    scene.response = response


def _eap_end(scene: Scene) -> None:
    sa = scene.opened()
    response = sa.auth(follow=False)
    while (packet := _must_ask(response).packet).code is not EapCode.SUCCESS:
        if packet.code is EapCode.FAILURE:
            raise Unreachable("EAP has failed")
        response = sa.proceed(response)
    scene.response = response


def _must_ask(response: Message) -> EAP:
    found = response.first(EAP)
    if found is None:
        raise Unreachable("the answer has no EAP")
    return found


def _eap_peer(scene: Scene, rounds: int) -> None:
    scene.device.initiate()
    scene.sa = scene.peer.respond_init(scene.peer.expect_init())
    for _ in range(rounds):
        scene.ike.answer(scene.ike.expect_request(AUTH))
    scene.held = scene.ike.expect_request(AUTH)


for _method in EAP_METHODS:
    _served, _asked = eap(_method), eap(_method, device="initiator")
    for _count in (1, 2):
        state(
            f"eap-{_method}-{_count}", "responder", f"round {_count} of {_method} has come from the device",
            "eap", "liveness", "clear-error", "octets", needs=(Capability.EAP,), setup=_served, weight=_ONE_OF_MANY,
        )(partial(_eap_rounds, rounds=_count))  # fmt: skip
        state(
            f"peer-{_method}-{_count}", "initiator", f"the device has answered {_count - 1} rounds of {_method}",
            "answer", "refuse", "empty", "octets",
            needs=(Capability.EAP_PEER,), setup=_asked, alone=True, canary=False,
            weight=_ONE_OF_MANY,
        )(partial(_eap_peer, rounds=_count))  # fmt: skip
    state(
        f"eap-{_method}-end", "responder", f"{_method} has succeeded, IKE_AUTH has not",
        "eap", "liveness", "clear-error", "octets", needs=(Capability.EAP,), setup=_served, weight=_ONE_OF_MANY,
    )(_eap_end)  # fmt: skip


# --- the device is the initiator --------------------------------------------------------------------------------------


@state("asked-init", "initiator", "the device has asked for an IKE SA", "answer", "refuse", "ask-cookie", "empty",
       "octets", alone=True)  # fmt: skip
def _asked_init(scene: Scene) -> None:
    scene.device.initiate()
    scene.held = scene.peer.expect_init()


def _asked_auth(scene: Scene) -> None:
    scene.device.initiate()
    scene.sa = scene.peer.respond_init(scene.peer.expect_init())
    scene.begun.append(scene.sa)
    scene.held = scene.ike.expect_request(AUTH)


_ASKED = ("answer", "refuse", "empty", "clear-error", "octets")
state("asked-auth", "initiator", "the device has sent IKE_AUTH, shared key", *_ASKED, alone=True)(_asked_auth)
state("asked-auth-certificates", "initiator", "the device has sent IKE_AUTH, certificates", *_ASKED,
      setup=_CERTIFICATES, alone=True)(_asked_auth)  # fmt: skip


@state("accepted", "initiator", "the IKE SA that the device has opened is up", *_UP, alone=True, up=True, weight=_ALIKE)
def _accepted(scene: Scene) -> None:
    scene.device.initiate()
    scene.sa = scene.peer.accept()
    scene.begun.append(scene.sa)
