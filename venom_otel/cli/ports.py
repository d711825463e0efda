"""Sockets to listen on, bound before anything else starts, so that a port in use is one clear error and port 0 is known at once."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from venom_otel.errors import SettingsError

_LISTEN = "0A"
"""TCP_LISTEN in the state column of /proc/net/tcp (Linux, include/net/tcp_states.h)."""


def listen(host: str, port: int, option: str) -> socket.socket:
    """Bind a TCP socket and listen; see `reserve`."""
    sock = reserve(host, port, option)
    try:
        # Listening now makes a second process fail here and not after it has opened the store.
        sock.listen(2048)
    except OSError as error:
        sock.close()
        raise SettingsError(_words(error, host, port, option)) from None
    sock.setblocking(False)
    return sock


def reserve(host: str, port: int, option: str) -> socket.socket:
    """Bind a TCP socket that does not listen yet; port 0 takes a free one.

    Args:
        host: an address or a name of this machine.
        port: 0 to 65535.
        option: the command-line option that changes the port, for the error's words.

    Raises:
        SettingsError: the port is in use, not allowed, or the host is not this machine's; the message says which and what would do.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise SettingsError(f"--host {host}: {error.strerror}. Give an address of this machine, such as 127.0.0.1.") from None
    sock = socket.socket(family, kind, protocol)
    try:
        # Without it a restart within a minute fails: the connections that the last run closed still hold the port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise SettingsError(_words(error, host, port, option)) from None
    return sock


def _words(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use{_holder(port)}. Stop that, or choose another port with {option} (0 takes a free one)."
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has. Choose one above 1023 with {option}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is not an address of this machine. Use 127.0.0.1, or 0.0.0.0 to listen on all of them."
    return f"cannot listen on {host}:{port}: {error.strerror}. Choose another port with {option}."


def _holder(port: int) -> str:
    """` by NAME (pid N)` where /proc tells who listens on `port`; empty on other systems and for other users' processes."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(descriptor.readlink()) in inodes for descriptor in (process / "fd").iterdir()):
                return f" by {_name(process)} (pid {process.name})"
        except OSError:  # gone meanwhile, or another user's
            continue
    return ""


def _listening_inodes(port: int) -> list[str]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode (proc_pid_net(5))
            columns = line.split()
            if columns[3] == _LISTEN and int(columns[1].rpartition(":")[2], 16) == port:
                found.append(columns[9])
    return found


def _name(process: Path) -> str:
    """The command as a person knows it: for Python the script's or module's name, never the arguments, which may hold secrets."""
    program, *arguments = (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    name = Path(program).name
    if name.startswith("python"):
        match arguments:
            case ["-m", module, *_]:
                return f"{name} -m {module}"
            case [script, *_] if not script.startswith("-"):
                return Path(script).name
    return name
