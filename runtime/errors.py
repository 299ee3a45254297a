"""The fault taxonomy: everything that a user may be told in one line.

A fault says what was tried, on what, and (in ``hint``) what to do next; lower case, no full stop.
``exit_status`` is what the command exits with.  ``kernel`` raises plain OSError; the layers above turn
it into the narrowest fault here.
"""

from schemas.invalid import one_line

OUT_OF_MEMORY = "out of memory"  # of a MemoryError, which says nothing


class Fault(Exception):
    """A failure that the user can read and act on."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class BadLog(Fault):
    """The file that --log names can't be written, so that nobody who reads it would hear of anything."""


class UsageFault(Fault):
    """The command line itself is wrong: an unknown option, a missing argument."""


class SpecFault(Fault):
    """The bundle's config.json is wrong; ``pointer`` is the JSON pointer (RFC 6901) of the culprit."""

    def __init__(self, pointer: str, message: str, *, hint: str = "", document: str = "config.json") -> None:
        place = f"#{one_line(pointer)}" if pointer else ""
        super().__init__(f"{document}{place}: {message}", hint=hint)
        self.pointer = pointer
        self.reason = message


class Unsupported(Fault):
    """Something valid that this runtime, machine or user can't apply; never skipped silently.

    ``pointer`` is the place in config.json that asks for it, where one does.
    """

    def __init__(self, message: str, *, hint: str = "", pointer: str = "") -> None:
        super().__init__(message, hint=hint)
        self.pointer = pointer


class UnknownBoot(Unsupported):
    """Nothing tells which boot this is, and so nobody could tell later whose the pids are that would be written."""

    def __init__(self, proc: str) -> None:
        super().__init__(
            f"{proc}/sys/kernel/random/boot_id can't be read", hint="mount /proc with all it has, not with subset=pid"
        )


class BadIdentifier(Fault):
    """A container id outside of 1 to 200 letters, digits, ``_``, ``+``, ``-``, ``.`` without a leading dot."""


class BadRoot(Fault):
    """The state root can't be used: not a directory, not ours, planted by somebody else."""


class NoSuchContainer(Fault):
    """No container of that id lies in the root."""

    def __init__(self, container_id: str) -> None:
        super().__init__(f'container "{container_id}" does not exist')
        self.container_id = container_id


class ContainerExists(Fault):
    """The id is taken in the root."""

    def __init__(self, container_id: str) -> None:
        super().__init__(
            f'container "{container_id}" already exists', hint="choose another id, or delete that container first"
        )
        self.container_id = container_id


class BadRecord(Fault):
    """A state.json that is unreadable or invalid; it is named, and passed over."""

    def __init__(self, container_id: str, reason: str) -> None:
        super().__init__(
            f'the record of container "{container_id}" is unreadable: {reason}',
            hint=f"`runf delete --force {container_id}` removes it",
        )
        self.container_id = container_id
        self.reason = reason


class WrongStatus(Fault):
    """The action isn't allowed in the status that the container is in."""

    def __init__(self, action: str, container_id: str, status: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f'cannot {action} container "{container_id}": it is {status}, and {action} needs it {" or ".join(allowed)}'
        )
        self.action = action
        self.container_id = container_id
        self.status = status
        self.allowed = allowed


class ContainerBusy(Fault):
    """Another command holds one of the container's locks, or that of the staging directory."""


class NotRunning(Fault):
    """A signal has nobody to go to; callers match the words "container not running"."""

    def __init__(self, container_id: str, *, tried: str = "") -> None:
        super().__init__(f'{tried}container not running: "{container_id}" has no process')
        self.container_id = container_id


class InitFault(Fault):
    """A step inside the new container failed; ``errno`` is None where no system call is to blame."""

    def __init__(self, step: str, errno: int | None, detail: str) -> None:
        super().__init__(detail)
        self.step = step
        self.errno = errno
        self.detail = detail


class HookFault(Fault):
    """A hook of config.json failed where the specification says that this is an error."""

    def __init__(self, pointer: str, path: str, outcome: str, output: str = "") -> None:
        super().__init__(f"hook {path} (config.json#{pointer}) {outcome}{': ' + output if output else ''}")
        self.pointer = pointer
        self.path = path
        self.outcome = outcome
        self.output = output


class CgroupFault(Fault):
    """A cgroup could not be made, limited, joined or removed; the message names the file."""
