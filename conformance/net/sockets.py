"""Sockets bound to one address and port, made inside a network namespace if wanted, with errors that help."""

import ctypes
import errno
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from conformance.net.link import Address, LinkError

NAMESPACES = Path("/run/netns")
"""Where `ip netns add` puts the names of network namespaces."""

_CLONE_NEWNET = 0x40000000
_RECEIVE_BUFFER = 4 << 20  # a burst of fragments or a flood of requests must not be lost before it is seen


def bind(
    addresses: list[Address], netns: str | None = None, *, kind: socket.SocketKind = socket.SOCK_DGRAM
) -> list[socket.socket]:
    """Non-blocking sockets bound to ``addresses``, in that order, or none: raises `LinkError` on the first failure.

    ``netns`` is the name of a network namespace. The sockets stay in it; no thread of the caller ever enters it. Those
    of TCP listen.
    """
    if netns is None:
        return _bind_all(addresses, None, kind)
    return _inside(netns, lambda: _bind_all(addresses, netns, kind))


def _bind_all(addresses: list[Address], netns: str | None, kind: socket.SocketKind) -> list[socket.socket]:
    opened: list[socket.socket] = []
    try:
        for address in addresses:
            opened.append(_bind_one(address, netns, kind))
    except LinkError:
        for one in opened:
            one.close()
        raise
    return opened


def _bind_one(address: Address, netns: str | None, wanted: socket.SocketKind) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=wanted, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, OverflowError, UnicodeError) as error:
        raise LinkError(f"cannot bind {address}: {address.host!r} is no numeric address of this host") from error
    family, kind, protocol, _, name = found[0]
    new = socket.socket(family, kind, protocol)
    try:
        new.setblocking(False)
        if family == socket.AF_INET6:
            new.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if wanted == socket.SOCK_STREAM:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        new.bind(name)
        if wanted == socket.SOCK_STREAM:
            new.listen()
    except OSError as error:
        new.close()
        raise _explained(error, address, netns, "TCP" if wanted == socket.SOCK_STREAM else "UDP") from error
    return new


def _explained(error: OSError, address: Address, netns: str | None, protocol: str) -> LinkError:
    place = f" in network namespace {netns!r}" if netns else ""
    if error.errno == errno.EADDRINUSE:
        why = "the port is in use; is another IKE daemon running?" if address.port in (500, 4500) else "it is in use"
    elif error.errno in (errno.EACCES, errno.EPERM):
        why = "ports below 1024 need root or CAP_NET_BIND_SERVICE"
    elif error.errno == errno.EADDRNOTAVAIL:
        why = "no interface has this address; see `ip address`"
    else:
        why = error.strerror or str(error)
    return LinkError(f"cannot bind {protocol} {address}{place}: {why}")


def _inside(netns: str, work: Callable[[], list[socket.socket]]) -> list[socket.socket]:
    """Do ``work`` in a thread of its own that enters the namespace and ends there.

    A namespace belongs to a thread, so the caller's threads stay where they are. (Python 3.11 has no `os.setns`.)
    """
    done: list[list[socket.socket]] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            _enter(netns)
            done.append(work())
        except Exception as error:
            failed.append(error)

    thread = Thread(target=run, name=f"netns {netns}")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def _enter(netns: str) -> None:
    if not sys.platform.startswith("linux"):
        raise LinkError(f"cannot enter network namespace {netns!r}: only Linux has them, this is {sys.platform}")
    if not netns or "/" in netns or netns in (".", ".."):
        raise LinkError(f"{netns!r} is no name of a network namespace")
    try:
        entrance = os.open(NAMESPACES / netns, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise LinkError(f"there is no network namespace {netns!r}; see `ip netns list`") from error
    except OSError as error:
        raise LinkError(f"cannot open network namespace {netns!r}: {error.strerror}") from error
    try:
        if ctypes.CDLL(None, use_errno=True).setns(entrance, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            why = "it needs root or CAP_SYS_ADMIN" if number == errno.EPERM else os.strerror(number)
            raise LinkError(f"cannot enter network namespace {netns!r}: {why}")
    finally:
        os.close(entrance)
