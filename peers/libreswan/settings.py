"""What a pluto daemon is started with: its paths, its packages, and the ``config setup`` section of ipsec.conf."""

from dataclasses import dataclass
from math import ceil

from conformance.crypto.revocation import lists_named_in
from conformance.ike.core.connection import Connection, CookiePolicy, RedirectWhen, Revocation

PACKAGES = ("libreswan", "libnss3-tools")
"""The packages that hold the daemon and the tools for its certificates."""
PROGRAMS = "/usr/libexec/ipsec"
BUILT = ("libexec/ipsec/pluto", "lib/ipsec/pluto")
"""Where ``make install`` puts the daemon below a prefix."""
SOURCE = "programs/pluto"
"""Where it is in a tree in which it was built."""
CONFIGURATION = "ipsec.conf"
SECRETS = "ipsec.secrets"
DATABASE = "nss"
IMPORTED = "/var/lib/ipsec/nss"
"""Where the program that imports CRLs looks for the database, whatever pluto was told (``--nssdir``)."""
MODULES = "pkcs11.txt"
"""The list of modules in the database, which may end with a policy."""
POLICY = """
library=
name=Policy
NSS=flags=policyOnly,moduleDB
config="allow=tls-version-max=tls{tls}"
"""
"""What bounds TLS in EAP, for which pluto has no word."""
TLS = {"": "1.2", "tls13": "1.3"}
"""The latest version of TLS in EAP, by the word after the device's name. pluto would take 1.3, but makes the keys of
RFC 5216 whatever the version is, and then gets on with nobody who follows RFC 9190."""
LOG = "pluto.log"
CONTROL_SOCKET = "pluto.ctl"
LOCK = "pluto.pid"
HALF_OPEN_TIMEOUT = 200.0
"""Seconds that pluto keeps a half-open IKE SA as responder; it cannot be changed."""


@dataclass(frozen=True, slots=True)
class Startup:
    """What pluto reads only when it starts; a change needs a new process.

    ``keepalive`` is a time in seconds, ``redirect`` where initiators are sent in IKE_SA_INIT, in turn, empty: nowhere.
    ``lists``: revocation is learnt from CRLs, not by OCSP.
    """

    half_open_limit: int = 10
    keepalive: int = 20
    redirect: str = ""
    revocation: Revocation = Revocation.OFF
    lists: bool = False


def startup_for(connection: Connection, current: Startup) -> Startup:
    """What the daemon must have been started with to hold this connection; ``current`` where it does not matter."""
    limit = connection.half_open_limit if connection.cookies is CookiePolicy.UNDER_LOAD else current.half_open_limit
    # Zero would mean the default; whoever wants no keepalives waits for them in vain for an hour.
    keepalive = 3600 if connection.keepalive is None else max(1, ceil(connection.keepalive))
    elsewhere = connection.redirect
    away = elsewhere is not None and elsewhere.when is RedirectWhen.INIT
    gateway = ",".join(elsewhere.gateways) if elsewhere is not None and away else ""
    # It looks for a CRL only where the trust anchor says that it is, and then asks for one of each authority.
    lists = connection.revocation is not Revocation.OFF and any(map(lists_named_in, connection.trust))
    return Startup(limit, keepalive, gateway, connection.revocation, lists)


DDOS = {CookiePolicy.NEVER: "unlimited", CookiePolicy.UNDER_LOAD: "auto", CookiePolicy.ALWAYS: "busy"}
"""The word after ``whack --ddos-`` for each policy on cookies; it takes effect at once."""


def command(programs: str, directory: str) -> list[str]:
    """The command line of the daemon in ``programs``; ``directory`` is the run directory as it sees it."""
    return [
        f"{programs}/pluto",
        *("--nofork", "--config", f"{directory}/{CONFIGURATION}", "--secretsfile", f"{directory}/{SECRETS}"),
        *("--nssdir", f"{directory}/{DATABASE}", "--rundir", directory, "--no-dnssec"),
    ]


_OCSP = "    ocsp-enable=yes\n    ocsp-method=post\n    ocsp-cache-size=0\n"
_REVOCATION = {
    Revocation.OFF: "",
    Revocation.RELAXED: _OCSP,
    Revocation.STRICT: f"{_OCSP}    ocsp-strict=yes\n",
}
_LISTS = "    crlcheckinterval=1h\n"
_BY_LISTS = {**_REVOCATION, Revocation.RELAXED: _LISTS, Revocation.STRICT: f"{_LISTS}    crl-strict=yes\n"}


def setup(startup: Startup, directory: str) -> str:
    """The section ``config setup``. The debug log is on since nothing else tells the SPIs of an IKE SA."""
    redirect = f"    global-redirect=yes\n    global-redirect-to={startup.redirect}\n" if startup.redirect else ""
    revocation = (_BY_LISTS if startup.lists else _REVOCATION)[startup.revocation]
    return f"""\
config setup
    logfile={directory}/{LOG}
    plutodebug=base
    audit-log=no
    dnssec-enable=no
    dumpdir={directory}
    ddos-mode=auto
    ddos-ike-threshold={startup.half_open_limit}
    max-halfopen-ike=50000
    uniqueids=yes
    keep-alive={startup.keepalive}
{redirect}{revocation}"""
