"""A real NAT between tester and device: a third network namespace, whose kernel translates (nftables, conntrack)."""

import shutil
import subprocess
from dataclasses import replace
from enum import StrEnum
from typing import Any

from conformance.net import Link
from peers.contract import DeviceError
from peers.places.netns import PIXIT, SYSCTLS, NetnsPlace, inner_hosts
from peers.places.owner import RunDirectory

INNER, INNER_GATEWAY = "10.92.0.2", "10.92.0.1"
"""Who is behind the NAT, and the NAT's address there."""
_PORTS = (range(20000, 21000), range(30000, 31000))
_COMMANDS = ("nft", "conntrack")

# Outgoing IKE gets other ports; whoever comes from outside to the usual ones is let in.
_RULES = """\
table ip ikespec {{
  chain out {{
    type nat hook postrouting priority 100;
    oifname "outer" ip saddr 10.92.0.0/24 udp sport {{ 500, 4500 }} snat to {outer}:{first}-{last};
    oifname "outer" ip saddr 10.92.0.0/24 snat to {outer};
  }}
  chain in {{
    type nat hook prerouting priority -100;
    iifname "outer" udp dport {{ 500, 4500 }} dnat to {inner};
  }}
}}
"""


class Behind(StrEnum):
    """Who is behind the NAT."""

    TESTER = "tester"
    DEVICE = "device"


class KernelNat:
    """A NAT in a namespace of its own, between the interfaces ``inner`` and ``outer``."""

    def __init__(self, device: str, namespace: str, behind: Behind, outer: str) -> None:
        """No rules yet. ``outer`` is the address to which it translates."""
        self._device, self.namespace, self.behind, self.outer = device, namespace, behind, outer
        self._home = outer
        self._round = 0

    def start(self) -> None:
        """Translate from now on. Raises DeviceError."""
        ports = _PORTS[self._round % len(_PORTS)]
        rules = _RULES.format(outer=self.outer, first=ports[0], last=ports[-1], inner=INNER)
        if self._round:
            rules = "flush table ip ikespec\ndelete table ip ikespec\n" + rules
        self._run(["nft", "-f", "-"], rules)

    def reset(self) -> None:
        """Be as it was at the beginning, without mappings."""
        if self.outer == self._home:
            self.forget()
        else:
            self.rebind(self._home)

    def forget(self) -> None:
        """Drop all mappings, as if the NAT had been started anew."""
        self._run(["conntrack", "-F"])

    def rebind(self, outer: str | None = None) -> None:
        """Drop all mappings; new ones get ports of another range, and another address if ``outer`` names one."""
        self.outer = outer or self.outer
        self._round += 1
        self.start()
        self.forget()

    def _run(self, command: list[str], text: str = "") -> None:
        inside = ["ip", "netns", "exec", self.namespace, *command]
        done = subprocess.run(inside, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            complaint = done.stderr.strip().replace("\n", "; ")
            raise DeviceError(self._device, f"{command[0]} in {self.namespace}: {complaint}", "run ikespec doctor")


class NatPlace(NetnsPlace):
    """Three network namespaces in a row: tester, NAT, device. Over IPv4 only."""

    def __init__(self, device: str, *arguments: Any, behind: Behind = Behind.TESTER, **options: Any) -> None:
        """As `NetnsPlace`; ``behind`` says who is behind the NAT, with the inner address and port forwarding."""
        super().__init__(device, *arguments, **options)
        self.behind = behind
        self.description = f"netns, {behind} behind a NAT"
        plain = replace(PIXIT, device_address6=None, tester_address6=None, tester_spare6=None)
        if behind is Behind.TESTER:
            self.pixit = replace(plain, tester_address=INNER, tester_outer=PIXIT.tester_address)
        else:
            self.pixit = replace(plain, device_inner=INNER, tester_spare=None)
        self.nat: KernelNat | None = None

    def open(self) -> None:
        """Make the namespaces. Raises DeviceError where nftables or conntrack are missing."""
        missing = [command for command in _COMMANDS if shutil.which(command) is None]
        if missing:
            raise DeviceError(self._device, f"no command {missing[0]}", "apt-get install nftables conntrack")
        super().open()

    def _make_namespaces(self, run: RunDirectory) -> None:
        tester, device, box = self.tester_namespace, self.device_namespace, f"ikespec-{run.label}-n"
        for namespace in (tester, device, box):
            run.note_namespace(namespace)
        self._ip([], [f"netns add {one}" for one in (tester, device, box)])
        inside, outside = (tester, device) if self.behind is Behind.TESTER else (device, tester)
        self._ip(
            ["-n", box],
            [
                f"link add inner type veth peer name eth0 netns {inside}",
                f"link add outer type veth peer name eth0 netns {outside}",
                "link set lo up",
                f"addr add {INNER_GATEWAY}/24 dev inner",
                "link set inner up",
                "link set outer up",
            ],
        )
        for namespace in (tester, device, box):
            command = ["ip", "netns", "exec", namespace, "sh", "-c", SYSCTLS]
            subprocess.run(command, capture_output=True, check=False)
        outer, other = PIXIT.tester_address, PIXIT.device_address
        if self.behind is Behind.DEVICE:
            outer, other = other, outer
        spare = [f"addr add {self.pixit.tester_spare}/24 dev outer"] if self.pixit.tester_spare else []
        self._ip(["-n", box], [f"addr add {outer}/24 dev outer", *spare])
        for namespace, address, gateway in ((inside, INNER, INNER_GATEWAY), (outside, other, outer)):
            hosts = inner_hosts(PIXIT) if namespace == device else ()
            self._ip(
                ["-n", namespace],
                [
                    "link set lo up",
                    f"addr add {address}/24 dev eth0",
                    "link set eth0 up",
                    f"route add default via {gateway}",
                    *(f"addr add {one} dev lo" for one in hosts),
                ],
            )
        self.nat = KernelNat(self._device, box, self.behind, outer)
        self.nat.start()

    def open_link(self, *, ipv6: bool = False, ports: tuple[int, ...] | None = None) -> Link:
        """The tester's link, with a NAT that knows nobody."""
        if self.nat is not None:
            self.nat.reset()
        return super().open_link(ipv6=ipv6, ports=ports)
