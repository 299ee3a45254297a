"""The system calls between the gate and the program's execve(2), which the stub makes (calls.py).

What must come last can't be left to an interpreter: a filter of system calls may forbid what it needs for its next
step, and a security label has to hold for the program, not for the stub.

    order    call                  why there
    close    fcntl                 what the stub was given for this list becomes FD_CLOEXEC
    label    openat, write         before the filter, which may forbid either
    capset                         CAP_SYS_ADMIN leaves the inheritable set, so that execve(2) takes it (confinement.py)
    vmsplice                       a failure behind the filter can be told by a store into memory (tell_by_memory)
    seccomp                        from here on the profile decides
    sendmsg                        the listener's fd, to whom SCMP_ACT_NOTIFY tells
    execve                         the stub's own
"""

from __future__ import annotations

from _struct import pack

from runtime.kernel import numbers
from runtime.kernel.capabilities import capability_structures
from runtime.kernel.sockets import MSG_NOSIGNAL, message_structures
from runtime.sandbox.calls import ERRNO_BYTES, FAILURE, StubCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.kernel import seccomp
    from runtime.sandbox.lsm import Label
    from runtime.sandbox.seccomp import Filter
else:
    from runtime.late import Late

    seccomp = Late("runtime.kernel.seccomp")  # compiling a filter has loaded it

# fcntl.h
O_WRONLY_CLOEXEC = 0o2000001
F_SETFD = 2
FD_CLOEXEC = 1


class LastCalls(StubCalls):
    """The list, with what only this one needs."""

    def close_on_exec(self, fd: int) -> None:
        """Let the program not have ``fd``, which the list needs and the stub had to be given."""
        self.add(numbers.FCNTL, fd, F_SETFD, FD_CLOEXEC, words="exec: a file descriptor can't be kept back: ")

    def tell_by_memory(self, outcome_fd: int) -> None:
        """Let the reader of ``outcome_fd`` see the errno of a failure that comes later, without a further call.

        vmsplice(2) puts the memory itself into the pipe, not a copy of it.
        """
        vector = self.hold(pack("=QQ", self.base + FAILURE, ERRNO_BYTES))
        self.add(numbers.VMSPLICE, outcome_fd, vector, 1, 0, at_least=ERRNO_BYTES, words="exec: no word can be kept: ")
        self.told = 0


def add_label(calls: LastCalls, label: Label, attr_fd: int) -> None:
    """Have ``label`` hold from the next execve(2) on; ``attr_fd`` is /proc/<pid>/attr of the process itself.

    It is opened here since the kernel lets only the program write that has opened the file.
    """
    path = calls.hold(label.attribute.encode() + b"\0")
    told = f"{label.place} can't be set: "
    calls.add(
        numbers.OPENAT, attr_fd, path, O_WRONLY_CLOEXEC, 0, keep_at=calls.argument_of_next(0, after=1), words=told
    )
    text = calls.hold(label.text)
    calls.add(numbers.WRITE, -1, text, len(label.text), at_least=len(label.text), words=told)


def add_capabilities(calls: LastCalls, held: int, inheritable: int) -> None:
    """Set both, effective and permitted, to ``held``; what isn't ``inheritable`` leaves the ambient set as well."""
    header, sets = (calls.hold(each) for each in capability_structures(held, held, inheritable))
    calls.add(numbers.CAPSET, header, sets, words="capabilities: CAP_SYS_ADMIN can't be given up: ")


def add_filter(calls: LastCalls, made: Filter, *, listener_fd: int | None = None, state: bytes = b"") -> None:
    """Load the filter; with a listener, send its fd with ``state`` over the connected socket ``listener_fd``."""
    program = calls.hold(seccomp.program_of(calls.hold(made.program), len(made.program)))
    told = "config.json#/linux/seccomp: the filter can't be loaded: "
    if made.listener is None or listener_fd is None:
        calls.add(numbers.SECCOMP, seccomp.SECCOMP_SET_MODE_FILTER, made.flags, program, words=told)
        return
    header, fd_at = message_structures(calls.hold, state)
    calls.add(numbers.SECCOMP, seccomp.SECCOMP_SET_MODE_FILTER, made.flags, program, keep_at=fd_at, words=told)
    told = f"config.json#/linux/seccomp/listenerPath: nothing can be sent to {made.listener.path}: "
    calls.add(numbers.SENDMSG, listener_fd, header, MSG_NOSIGNAL, at_least=len(state), words=told)
