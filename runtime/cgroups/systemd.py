"""systemd as the maker of cgroups: scopes that live as long as something runs in them, asked for over D-Bus.

    manager_cgroup   where the cgroups of the manager's units begin
    start_scope      a scope around a process that is there; returns once systemd has moved it
    set_properties   other limits
    stop_scope       fine where there is none any more

Imported only where systemd is asked for: D-Bus takes as long to import as a whole command takes to run.
Source: org.freedesktop.systemd1(5); the D-Bus specification, "Authentication Protocol".
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque

from runtime.errors import CgroupFault, Fault
from runtime.kernel import procfs
from runtime.packages import add_site_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from runtime.cgroups.units import Property

try:
    import jeepney.io.blocking
except ImportError:
    add_site_packages("jeepney")
    try:
        import jeepney.io.blocking
    except ImportError:
        raise Fault(
            "--systemd-cgroup needs the Python package jeepney, which is not installed beside runf",
            hint="pip install 'runf[systemd]'",
        ) from None

SYSTEM_BUS = "/run/dbus/system_bus_socket"
BUS_NAME = "org.freedesktop.systemd1"
OBJECT = "/org/freedesktop/systemd1"
MANAGER = f"{BUS_NAME}.Manager"
WAIT_S = 30.0
_REPLY_BYTES = 1024
_NO_SUCH_UNIT = f"{BUS_NAME}.NoSuchUnit"
_UNIT_EXISTS = f"{BUS_NAME}.UnitExists"


class Refused(Exception):
    """systemd's answer is an error; ``name`` is that of D-Bus."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def bus_address(environ: Mapping[str, str], *, uid: int | None, own_uid: int) -> str:
    """The system's bus, or that of the user ``uid``, as D-Bus names addresses; ``environ`` knows but our own."""
    if uid is None:
        return environ.get("DBUS_SYSTEM_BUS_ADDRESS") or f"unix:path={SYSTEM_BUS}"
    directory = f"/run/user/{uid}"
    if uid != own_uid:
        return f"unix:path={directory}/bus"
    return environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path={environ.get('XDG_RUNTIME_DIR') or directory}/bus"


class Manager:
    """A conversation with the system's systemd, or that of the user ``uid``; a context manager."""

    def __init__(self, uid: int | None, *, proc: str = "/proc", environ: Mapping[str, str] = os.environ) -> None:
        own_uid = procfs.outer_uid(proc, os.geteuid())
        self._is_subscribed = False
        self._whose = "systemd" if uid is None else f"the systemd of user {uid}"
        address = bus_address(environ, uid=uid, own_uid=own_uid)
        try:
            self._connection = jeepney.io.blocking.DBusConnection(_connect(jeepney.bus.get_bus(address), own_uid))
        except (OSError, RuntimeError, ValueError) as error:
            raise CgroupFault(
                f"{self._whose} can't be asked for a cgroup: {address}: {getattr(error, 'strerror', None) or error}",
                hint=f"start {'systemd and D-Bus' if uid is None else 'a user session'}, or leave --systemd-cgroup out",
            ) from None

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def manager_cgroup(self) -> str:
        """The cgroup below which all units lie, from the root of the hierarchy, without a slash at its end."""
        properties = "org.freedesktop.DBus.Properties"
        ((_, path),) = self._ask("Get", "ss", (MANAGER, "ControlGroup"), interface=properties)
        return str(path).rstrip("/")

    def start_scope(self, name: str, properties: Sequence[Property]) -> None:
        """Make the scope ``name``; returns once its processes are in it.  CgroupFault."""
        body: tuple[Any, ...] = (name, "fail", _variants(properties), [])
        try:
            try:
                self._await_job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
            except Refused as refused:
                if refused.name != _UNIT_EXISTS:
                    raise
                self._ask("ResetFailedUnit", "s", (name,))  # it may have failed, and be kept for that
                self._await_job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
        except Refused as refused:
            raise CgroupFault(f"{self._whose} doesn't make {name}: {refused}") from None

    def set_properties(self, name: str, properties: Sequence[Property]) -> None:
        """Other limits for the unit until it ends.  CgroupFault."""
        if not properties:
            return
        try:
            self._ask("SetUnitProperties", "sba(sv)", (name, True, _variants(properties)))
        except Refused as refused:
            raise CgroupFault(f"{self._whose} doesn't change {name}: {refused}") from None

    def stop_scope(self, name: str) -> None:
        """End the unit, and wait until it has.  CgroupFault."""
        try:
            self._await_job("StopUnit", "ss", (name, "replace"))
        except Refused as refused:
            if refused.name != _NO_SUCH_UNIT:  # it has ended by itself, with the last of its processes
                raise CgroupFault(f"{self._whose} doesn't stop {name}: {refused}") from None

    def _await_job(self, method: str, signature: str, body: tuple[Any, ...]) -> None:
        """Call what starts a job, and wait for its end, which a signal tells; Refused where it came to nothing."""
        rule = jeepney.MatchRule(type="signal", interface=MANAGER, member="JobRemoved", path=OBJECT)
        if not self._is_subscribed:
            self._ask("Subscribe")
            self._send(jeepney.message_bus.AddMatch(rule))
            self._is_subscribed = True
        ended: deque[Any] = deque()
        with self._connection.filter(rule, queue=ended):
            (job,) = self._ask(method, signature, body)
            deadline = time.monotonic() + WAIT_S
            while True:
                try:
                    told = self._connection.recv_until_filtered(ended, timeout=deadline - time.monotonic())
                except TimeoutError:
                    raise Refused("", f"no answer within {WAIT_S:.0f} seconds") from None
                _, path, _, result = told.body
                if path == job:
                    break
        if result != "done":
            raise Refused("", f'the job ended with "{result}"')

    def _ask(
        self, method: str, signature: str | None = None, body: tuple[Any, ...] = (), interface: str = MANAGER
    ) -> Any:
        address = jeepney.DBusAddress(OBJECT, bus_name=BUS_NAME, interface=interface)
        return self._send(jeepney.new_method_call(address, method, signature, body))

    def _send(self, message: Any) -> Any:
        try:
            reply = self._connection.send_and_get_reply(message, timeout=WAIT_S)
        except (OSError, TimeoutError) as error:
            raise Refused("", str(error) or f"no answer within {WAIT_S:.0f} seconds") from None
        if reply.header.message_type is jeepney.MessageType.error:
            text = reply.body[0] if reply.body else ""
            raise Refused(str(reply.header.fields.get(jeepney.HeaderFields.error_name)), str(text))
        return reply.body


def _variants(properties: Sequence[Property]) -> list[tuple[str, tuple[str, Any]]]:
    return [(name, (signature, value)) for name, signature, value in properties]


def _connect(address: str, uid: int) -> socket.socket:
    """A connection that has told the bus who we are.  OSError.

    The bus compares with what the kernel says of us, which for root of a user namespace is the uid outside.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(WAIT_S)
        connection.connect(address)
        connection.sendall(b"\0AUTH EXTERNAL %s\r\n" % str(uid).encode().hex().encode())
        answer = connection.recv(_REPLY_BYTES)
        if not answer.startswith(b"OK "):
            raise PermissionError(1, f"the bus doesn't take us for uid {uid}")
        connection.sendall(b"BEGIN\r\n")
        connection.settimeout(None)
    except BaseException:
        connection.close()
        raise
    return connection
