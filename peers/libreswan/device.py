"""The libreswan adapter: the same over whack wherever pluto runs."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from conformance.ike.core.connection import Connection
from peers.capabilities import Capability, needs
from peers.contract import HUNG, Death, DeviceError, SaStatus
from peers.daemon import Daemon
from peers.libreswan import algorithms, settings, translate
from peers.libreswan.credentials import Credentials, own_certificate
from peers.libreswan.settings import Startup
from peers.libreswan.status import State, sa_statuses, states
from peers.libreswan.whack import Whack
from peers.places.place import DataPlane, Place

_START_PATIENCE = 60.0
_WITHOUT_EAP = ("3.", "5.2")
"""Releases that have no EAP, and those that take an IKE_AUTH without AUTH for a fault of their own."""
_LOG_LIMIT = 32 * 1024 * 1024
_PORTS = (500, 4500)
_FATAL = "FATAL ERROR: "
_DIED = "ikespec: pluto has died or hung when it was told to forget the SAs of the connection before this one\n"
# Of the debug log only what tells decisions: no fields of payloads, no bookkeeping, none of our own questions.
_DETAIL = re.compile(r"\]|\s{2}|\s*\*")
_NOISE = re.compile(
    r"hash.table|libevent|ref@|ref fd|freeref|alloc|bytes of|whack|fd@|spent [\d.]+|"
    r"emitting|payload chain|substructure|event_schedule|EVENT_CRYPTO|suspend|helper|job \d|Now let|adding a v|xfrm: |"
    r"natd_hash|FOR_EACH|scheduling|recording|output PBS|resume|counters|processing (?:payload|global)|keyid|interface|"
    r"pstats|: setting|converting|constructing|orient|locked by|sec_label|routing|owner"
)


class Libreswan(Daemon):
    """A pluto daemon under test. One process serves all purposes; it starts anew only where a setting demands it."""

    name = "libreswan"
    deviations_file = Path(__file__).with_name("deviations.toml")
    _ALWAYS: ClassVar[frozenset[Capability]] = frozenset(
        {
            *(Capability.INITIATOR, Capability.RESPONDER, Capability.CONFIGURABLE, Capability.PSK, Capability.RSA),
            *(Capability.ECDSA_384, Capability.ECDSA_521),
            *(Capability.RSA_PSS, Capability.ECDSA, Capability.RFC7427, Capability.COOKIE, Capability.COOKIE_ALWAYS),
            *(Capability.FRAGMENTATION, Capability.MOBIKE, Capability.NAT_T, Capability.FORCED_ENCAPSULATION),
            *(Capability.CHILDLESS, Capability.MULTIPLE_CHILDREN, Capability.NARROWING, Capability.PFS),
            *(Capability.TUNNEL, Capability.TRANSPORT, Capability.ESN, Capability.REKEY_IKE, Capability.REKEY_CHILD),
            *(Capability.DELETE_IKE, Capability.DELETE_CHILD, Capability.LIFETIME, Capability.DPD),
            *(Capability.CHILD_LIFETIME, Capability.REAUTH_LIFETIME),
            *(Capability.AH, Capability.LIST_SAS, Capability.LOG, Capability.VIRTUAL_IP, Capability.TIMERS),
            *(Capability.ANY_IDENTITY, Capability.NULL_AUTH, Capability.CONFIG_DNS, Capability.SPLIT_DNS),
            *(Capability.SEVERAL_CONNECTIONS, Capability.IDENTITY_SUBJECT, Capability.PFS_DEMANDED),
            *(Capability.REOPENS, Capability.ANSWERS_ONLY),
            *(Capability.REDIRECT, Capability.REDIRECT_INIT, Capability.REDIRECT_AUTH, Capability.REDIRECT_LATER),
        }
    )

    def __init__(self, place: Place, choice: str = "", programs: str = settings.PROGRAMS) -> None:
        """``choice`` is one of `settings.TLS`, ``programs`` the folder where pluto and whack are."""
        super().__init__(place)
        self._tls = settings.TLS[choice]
        self._programs = programs
        self._whack: Whack | None = None
        self._credentials: Credentials | None = None
        self._startup = Startup()
        self._notice = ""
        self._imports = False

    # --- life

    def _running(self) -> bool:
        return self._whack is not None

    def _start(self) -> None:
        self._place.open()
        (self._place.directory / settings.DATABASE).mkdir(exist_ok=True)
        self._imports = self._place.show(settings.DATABASE, settings.IMPORTED)
        # A container knows its addresses only now.
        self.pixit = replace(self._place.pixit, algorithms=algorithms.TAKEN, eap=("tls",))
        self.nat = self._place.nat
        plane = self._place.data_plane
        self.backend = ", ".join(one for one in (self._place.description, plane, self._place.build) if one)
        self._credentials = Credentials(self._place.directory, self._place.inside, self._tls)
        self._launch()
        said = self._control().say("--version")
        match = re.search(r"(\d[\w.]*)", said)
        self.version = match[1] if match else said.strip()
        self.capabilities = self._claims(plane)

    def _claims(self, plane: DataPlane) -> frozenset[Capability]:
        claims = set(self._ALWAYS)
        if plane is DataPlane.KERNEL:
            claims |= {Capability.DATA_PLANE, Capability.PATH_MTU, Capability.ON_DEMAND}
            if self._place.counts_from():
                claims.add(Capability.SEQUENCE_PRESET)
            claims |= {Capability.LIFETIME_PACKETS, Capability.LIFETIME_OCTETS}
            if self._place.has_gre:
                claims |= {Capability.GRE, Capability.GRE_TUNNELS}
        if self.pixit.device_address6 is not None:
            claims.add(Capability.IPV6)
        if not self.version.startswith(("3.", "4.")):
            claims.add(Capability.VIRTUAL_IP6)  # before, inner addresses were of the family of the outer ones
        if self._place.reaches_web:
            claims.add(Capability.OCSP)
        if self._imports and self._place.reaches_web:
            claims.add(Capability.CRL_OF_ANCHOR)
        if not self.version.startswith(_WITHOUT_EAP):
            claims |= {Capability.EAP, Capability.EAP_ONLY}
        return frozenset(claims)

    def _launch(self) -> None:
        place = self._place
        for name in (settings.CONTROL_SOCKET, settings.LOCK):
            (place.directory / name).unlink(missing_ok=True)  # pluto takes a leftover for a running daemon
        self._write(settings.CONFIGURATION, settings.setup(self._startup, place.inside))
        self._write(settings.SECRETS, "")
        if self._credentials is not None:
            self._credentials.create(place.shell())
        place.launch(settings.command(self._programs, place.inside), {})
        self._whack = Whack(self.name, place, self._programs)
        if not self._whack.wait(_START_PATIENCE):
            self._whack = None
            fatal = [line.partition(_FATAL)[2] for line in self._whole_log().splitlines() if _FATAL in line]
            complaint = " / ".join(fatal or place.console().strip().splitlines()[-2:]) or "it said nothing"
            raise DeviceError(self.name, f"the daemon did not start: {complaint}", "run ikespec doctor")

    def _write(self, name: str, content: str) -> None:
        path = self._place.directory / name
        path.touch(mode=0o600)
        path.write_text(content)

    def _let_go(self) -> None:
        self._whack = None

    def _ask(self) -> None:
        self._control().say("--briefstatus")

    def _epitaph(self) -> str:
        return self._place.epitaph(self._whole_log())

    # --- configuration

    def apply(self, connection: Connection) -> None:
        """Load a connection, in about 10 ms. Starts the daemon anew (0.1 s) if it crashed or must forget something."""
        self._control()
        self._place.turn_page()
        self._place.hush()
        self.require(*sorted(needs(connection)))
        if connection.local_ports != _PORTS:
            raise DeviceError(self.name, f"listens on ports {_PORTS}, the connection wants {connection.local_ports}")
        translate.check(connection)
        sections = "".join(
            translate.sections(one, self.pixit, own_certificate(one), self._programs) for one in connection.every
        )
        secrets = translate.secrets(connection)
        startup = settings.startup_for(connection, self._startup)
        anew = startup != self._startup or (self._credentials is not None and self._credentials.must_be_new(connection))
        self._startup, self._notice = startup, ""
        if anew or not self._forget():
            self._halt()
            self._launch()
        self._connection = None
        self._place.close_gre()
        self._place.forget_told()
        self._start_log()
        self._load(connection, sections, secrets)
        self._connection = connection
        if connection.every_tunnel:
            self._place.open_gre(connection.every_tunnel)

    def _load(self, connection: Connection, sections: str, secrets: str) -> None:
        control, credentials = self._control(), self._credentials
        assert credentials is not None
        self._write(settings.CONFIGURATION, settings.setup(self._startup, self._place.inside) + sections)
        self._write(settings.SECRETS, secrets)
        changed = credentials.complete(self._place.shell(), connection)
        # 5 passes over keyingtries= and would open again what was refused or deleted, whoever did it. That is how it
        # goes to another gateway, and how it authenticates again, too.
        wanted = connection.follows_redirects or connection.reopens or connection.reauth_lifetime is not None
        revives = self._release >= 5 and not wanted
        impair = ("--impair", "none", *(("--impair", "revival") if revives else ()))
        control.script(
            [
                *([control.words("--impair", "trigger:FREE_ROOT_CERTS")] if changed else []),
                control.words(*impair, "--rereadsecrets", f"--ddos-{settings.DDOS[connection.cookies]}"),
            ]
        )
        names = list(translate.conn_names(connection))
        said = control.add(names)
        logged = self._whole_log()
        if not all(f'"{name}": added IKEv2 connection' in logged for name in names):
            lines = [*said.strip().splitlines(), *(line for line in logged.splitlines() if "failed to add" in line)]
            reason = lines[-1] if lines else "it says nothing"
            raise DeviceError(self.name, f"refuses the connection: {reason}", "see its log")

    def clear(self) -> None:
        """Delete all SAs and the connection, forget all secrets."""
        control = self._control()
        if not self._forget():
            self._halt()
            self._launch()
        self._connection = None
        self._place.close_gre()
        self._write(settings.SECRETS, "")
        control.say("--impair", "none", "--rereadsecrets")

    def _forget(self) -> bool:
        """Remove the connection with all its SAs.

        False if that is not possible: the daemon has crashed, now or before, hangs, or keeps an SA whatever it is told.
        """
        names = translate.conn_names(self._connection) if self._connection is not None else {}
        # The first time 4 spares an IKE SA that several connections share. One that is still there when its connection
        # is deleted would stay for good, and point to freed memory. 5 would wait a minute for answers to its Deletes,
        # but takes SAs away with their connection. Where one replaces another it is started anew instead.
        waits = self._release >= 5
        end = [] if waits else [("--name", name, "--terminate") for name in names] * min(2, len(names))
        delete = [("--name", name, "--delete") for name in names]
        if not self._place.running():
            self._death = self._death or Death(self._place.epitaph(self._whole_log()))
            return False
        self._notice = _DIED
        with contextlib.suppress(DeviceError):
            before = self._left(end)
            clean = not (_replacing(before) if waits else before) and not self._left(delete)
            if self._place.running():
                self._notice = ""
                return clean
        if not self._place.running():
            self._death = Death(f"{self._place.epitaph(self._whole_log())}, when it was told to forget its SAs")
        elif self._notice:
            self._death = Death(f"{HUNG}{self.condition()}, when it was told to forget its SAs", hung=True)
        return False

    def _left(self, orders: Sequence[Sequence[str]]) -> list[State]:
        """The states after some whack commands; the last one asks for them, too, since a process may cost 0.1 s."""
        *first, last = orders or [()]
        words = self._control().words
        return states(self._control().script([*(words(*one) for one in first), words(*last, "--showstates")]))

    # --- orders

    def initiate(self, child: str | None = None) -> None:
        """Open the IKE SA and the named Child SA."""
        connection, control = self._loaded(), self._control()
        sections = translate.conn_names(connection)
        if child is None and connection.childless:
            # pluto opens an IKE SA alone only with this switch, though what it sends then is what RFC 6023 says.
            control.say("--impair", "omit-v2-ike-auth-child")
        name = next((one for one, its in sections.items() if child in (None, its)), None)
        if name is None:
            raise DeviceError(self.name, f"refuses initiate: there is no Child SA {child!r}")
        # For another Child SA of an IKE SA whack has to wait until that is there.
        give = control.leave if self._states() else control.order
        give("--name", name, "--initiate")

    def rekey_ike(self) -> None:
        """Rekey the IKE SA now."""
        self._control().order("--rekey-ike", "--name", self._name(self._ike()))

    def provoke(self, source: str, target: str) -> None:
        """Have the kernel ask for the Child SA when a packet needs it, and send that packet."""
        self._control().order("--route", "--name", next(iter(translate.conn_names(self._loaded()))))
        self._place.provoke(source, target)

    def rekey_child(self, name: str) -> None:
        """Rekey the named Child SA now."""
        word = "--rekey-ipsec" if self._release < 5 else "--rekey-child"
        self._control().order(word, "--name", self._name(self._child(name)))

    def redirect(self, gateway: str) -> None:
        """Send the peer of the IKE SA to another gateway."""
        connection = self._connection
        if connection is None:
            raise DeviceError(self.name, "no connection is loaded", "apply one first")
        name = next(iter(translate.conn_names(connection)))
        self._control().order("--name", name, "--redirect-to", gateway)

    def _name(self, state: State) -> str:
        """How an order calls a state."""
        return str(state.number) if self._release < 5 else f"#{state.number}"

    @property
    def _release(self) -> int:
        """The major version, which decides what the control program understands."""
        match = re.match(r"\d+", self.version)
        return int(match[0]) if match else 5

    def delete_ike(self) -> None:
        """Delete the IKE SA now, with an exchange that is repeated until it is answered."""
        self._control().order("--deletestate", str(self._ike().number))

    def delete_child(self, name: str) -> None:
        """Delete the named Child SA now, with an exchange that is repeated until it is answered."""
        self._control().order("--deletestate", str(self._child(name).number))

    def _ike(self) -> State:
        found = [one for one in self._states() if one.established_ike]
        if not found:
            raise DeviceError(self.name, "has no established IKE SA")
        return found[-1]

    def _child(self, name: str) -> State:
        sections = translate.conn_names(self._loaded())
        found = [one for one in self._states() if one.established_child and sections.get(one.connection) == name]
        if not found:
            raise DeviceError(self.name, f"has no established Child SA {name!r}")
        return found[-1]

    def _states(self) -> list[State]:
        self._loaded()
        return states(self._control().say("--showstates"))

    # --- what can be seen

    def list_sas(self) -> list[SaStatus]:
        """All IKE SAs."""
        control = self._control()
        said = control.say("--showstates", "--trafficstatus")
        names = translate.conn_names(self._connection) if self._connection is not None else {}
        return sa_statuses(said, self._whole_log(), names)

    def log(self) -> str:
        """What the daemon logged since the last `apply`; without the noise of its debug log, unless it has died."""
        found = self._whole_log()
        if not self._place.running():
            return self._notice + found + self._place.testimony()
        told = "".join(line for line in found.splitlines(keepends=True) if not _is_noise(line))
        return self._notice + told + self._place.testimony()

    def logged(self, mark: int = 0) -> tuple[str, int]:
        """What the log has since a mark, without noise; only that is looked at, for a log may be long."""
        found = self._logged(settings.LOG)
        end = found.rfind(b"\n") + 1
        lines = found[mark:end].decode(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if not _is_noise(line)), max(mark, end)

    def _whole_log(self) -> str:
        return self._logged(settings.LOG).decode(errors="replace")

    def _start_log(self) -> None:
        path = self._place.directory / settings.LOG
        size = path.stat().st_size if path.exists() else 0
        if size > _LOG_LIMIT:
            # pluto appends, so it goes on at the new end.
            self._place.shell().run(f": > {self._place.inside}/{settings.LOG}")
            size = 0
        self._log_from = size

    def _control(self) -> Whack:
        if self._whack is None:
            raise DeviceError(self.name, "is not started")
        return self._whack


def _is_noise(line: str) -> bool:
    """Whether a line of the debug log, which has a bar before its text, tells no decision."""
    text = line.partition("|")[2]
    return bool(_DETAIL.match(text) or _NOISE.search(text))


def _replacing(found: Sequence[State]) -> bool:
    """Whether a Child SA has moved from the IKE SA that it was made with to a later one, or an SA is being rekeyed."""
    moved = any(one.parent is not None and one.parent > one.number for one in found)
    return moved or any(one.kind.startswith("REKEY_") for one in found)
