"""The scenes on one device, side by side: reached, kept as long as they can be used, and given up."""

from collections.abc import Callable
from random import Random

from conformance.net.link import LinkError
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, Unexpected
from peers.contract import Device, DeviceError
from suites.campaign.lanes import Asked, History, Lane, Lanes
from suites.campaign.loading import Views, views
from suites.campaign.scene import Scene, Unreachable
from suites.campaign.states import State

MOST_LEFT = {True: 4, False: 48}
"""So many conversations may be left behind before the device gets its connection again, which forgets them all."""


class Stage:
    """Gives the device its connection, and brings scenes to their states.

    Attributes:
        peer: our side of the scene that was reached or used last, None before the first one.
    """

    def __init__(self, device: Device, history: History, applied: Callable[[], None]) -> None:
        """The device has no connection yet; ``applied`` is called each time that it has been given one."""
        self.device, self.history, self._applied = device, history, applied
        self.peer: Peer | None = None
        self._views: dict[str, Views | str] = {}
        self._loaded: Views | None = None
        self._lanes: Lanes | None = None
        self._asked: Asked = {}
        self._scenes: dict[str, Scene] = {}
        self._left = self._reached = 0

    @property
    def loaded(self) -> tuple[Lanes, Views]:
        """The link and the connection that the device has. Raises ValueError where it has none."""
        if self._lanes is None or self._loaded is None:
            raise ValueError("the device has no connection")
        return self._lanes, self._loaded

    @property
    def is_loaded(self) -> bool:
        """Whether the device has a connection."""
        return self._loaded is not None

    def views_of(self, state: State) -> Views:
        """The connection of a state. Raises Unreachable where the device cannot hold it."""
        found = self._views.get(state.name)
        if found is None:
            try:
                found = views(state, self.device)
            except Unreachable as reason:
                found = str(reason)
            self._views[state.name] = found
        if isinstance(found, str):
            raise Unreachable(found)
        return found

    def scene(self, state: State, seed: int) -> Scene:
        """A scene that is kept, or a new one. Raises Unreachable, DeviceError."""
        wanted = self.views_of(state)
        kept = self._scenes.get(state.name)
        if kept is not None and self._loaded is not None and self._loaded.theirs == wanted.theirs:
            self._rewind(kept)
            return kept
        # Where no time passes an order reaches the newest IKE SA, which is the one of the scene.
        alone = state.alone and self.device.real_time
        crowded = self._left >= MOST_LEFT[self.device.real_time] or (alone and (self._left or self._scenes))
        if crowded or self._loaded is None or self._loaded.theirs != wanted.theirs:
            self.load(wanted)
        return self._reach(state, wanted, seed)

    def _reach(self, state: State, wanted: Views, seed: int) -> Scene:
        lane = self.loaded[0].lane()
        random = Random(f"{seed}/{state.name}/{self._reached}").randbytes
        self._reached += 1
        peer = Peer(lane, wanted.ours, random, self.device.pixit.response_timeout)
        lane.peer = peer
        scene = Scene(state, peer, self.device)
        self.peer = peer
        self._left += 1
        try:
            state.reach(scene)
        except (Unexpected, Inconclusive, DeviceError, LinkError) as reason:
            lane.close()
            raise Unreachable(str(reason)) from None
        except Unreachable:
            lane.close()
            raise
        # What is wrong on the way to a state is a problem of the state before.
        scene.note(peer.trace.entries)
        scene.mark, scene.come = len(peer.trace.entries), len(peer.inbox)
        scene.asked = scene.held is not None
        scene.known = len(scene.sa.children) if scene.sa is not None else 0
        self._scenes[state.name] = scene
        return scene

    def _rewind(self, scene: Scene) -> None:
        scene.peer.pump(scene.peer.link.now())
        list(scene.conversation.look())
        scene.peer.rewind(scene.mark, scene.come)
        scene.conversation.rewind()
        scene.watch.ours.forget()

    def leave(self, scene: Scene, *, kept: bool) -> None:
        """Keep a scene for the next case, or be done with it."""
        if kept and scene.state.name == "init":
            scene.peer.sas.clear()
            scene.sa = None
            self._left += len(scene.begun)
            scene.begun.clear()
            kept = self._left < MOST_LEFT[self.device.real_time]
        if kept:
            return
        if self._scenes.get(scene.state.name) is scene:
            del self._scenes[scene.state.name]
        if isinstance(scene.peer.link, Lane):
            scene.peer.link.close()

    def load(self, wanted: Views) -> None:
        """Give the device a connection, which makes it forget all that was before. Raises DeviceError."""
        self.close()
        self.device.apply(wanted.theirs)
        self._applied()
        link = self.device.open_link(ipv6=":" in (wanted.ours.local_address or ""))
        shared = (wanted.ours.local_ports[1], wanted.ours.remote_ports[1])
        self._lanes, self._loaded = Lanes(link, self.history, self._asked, shared), wanted
        self._left = self._reached = 0

    def close(self) -> None:
        """Give all scenes up; the device gets its connection anew before the next one."""
        self._scenes.clear()
        if self._lanes is not None:
            self._lanes.base.close()
        self._lanes = self._loaded = None
