"""What an iked is started with: its packages, its files, and what of its behaviour nothing can change."""

from peers.contract import Retransmission

PACKAGES = ("openiked",)
"""The package that holds the daemon and its control program."""
DAEMON = "/usr/sbin/iked"
CONTROL = "/usr/sbin/ikectl"
USER = "_iked"
FOLDER = "iked"
"""What stands in the run directory for /etc/iked."""
ETC = "/etc/iked"
"""Where iked looks for keys and certificates; it cannot be told otherwise."""
KEY = "private/local.key"
"""Its only private key; without one it does not even start."""
FOLDERS = ("ca", "certs", "crls", "private", "pubkeys/fqdn", "pubkeys/ufqdn", "pubkeys/ipv4", "pubkeys/ipv6")
CONFIGURATION = "iked.conf"
SOCKET = "iked.sock"

RETRANSMISSION = Retransmission(timeout=2.0, base=2.0, tries=5)
RESPONSE_TIMEOUT = 3.0
"""Seconds: where another group is demanded of it, it begins anew after two."""
HALF_OPEN_TIMEOUT = 300.0
"""Seconds until it forgets an IKE SA whose IKE_AUTH never comes."""

_PASSWORDS = f"""\
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
{USER}:x:999:999::/var/lib/openiked:/usr/sbin/nologin
"""


def prepare(inside: str) -> str:
    """A script that gives it, where it runs, a folder of ours for its keys, and the user that a package would make.

    ``inside`` is the run directory as it sees it. Whoever opens PF_KEY makes Linux ask for a module for each algorithm
    that it can think of, and for six seconds of the guest's time nothing is answered; so what is needed comes first,
    and then nothing more can be loaded.
    """
    return (
        "/run/modprobe -a af_key des_generic; echo > /proc/sys/kernel/modprobe; "
        f"mount --bind {inside}/{FOLDER} {ETC} && mount --bind {inside}/passwd /etc/passwd && "
        f"mount -t tmpfs tmpfs /var/lib/openiked && chmod 755 /var/lib/openiked"
    )


def passwords() -> str:
    """The content of /etc/passwd."""
    return _PASSWORDS


def command() -> list[str]:
    """The command line of the daemon. Twice verbose: only the debug log tells why something is refused."""
    return [DAEMON, "-d", "-v", "-v", "-f", f"/run/{CONFIGURATION}", "-s", f"/run/{SOCKET}"]


def install(inside: str) -> str:
    """A command that puts the configuration where iked reads it: it refuses one that others could read or change."""
    return f"install -m 600 -o root {inside}/{CONFIGURATION} /run/{CONFIGURATION}"
