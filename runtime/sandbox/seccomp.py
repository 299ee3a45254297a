"""linux.seccomp: from config.json's words to the program that the kernel runs before each system call.

    plan_seccomp     pure: the rules, checked and put in the kernel's terms
    compile_filter   in the parent, before the fork: libseccomp makes the program (or the cache has it), and what must
                     not come as a surprise after the fork is tried out on it
    last_calls.py    carries it to the stub, which loads it as the last thing before the program's execve(2)

Source: runtime-spec: config-linux.md#seccomp; seccomp_rule_add(3).
"""

from __future__ import annotations

import errno

from runtime.errors import Fault, SpecFault, Unsupported
from runtime.kernel import libseccomp, numbers, seccomp
from runtime.kernel.libseccomp import Comparison
from runtime.kernel.sockets import connect_path
from runtime.sandbox import seccomp_cache
from runtime.sandbox.seccomp_program import Newest, decisions, unknown_calls_prologue

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping, Sequence
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

# an annotation of crun's
REFUSES_UNKNOWN = "run.oci.seccomp_fail_unknown_syscall"
PLACE = "/linux/seccomp"
ARGUMENTS_LIMIT = 6  # of a system call
ERRNO_LIMIT = 4094  # what libseccomp accepts: below MAX_ERRNO of linux/err.h
DATA_LIMIT = 0xFFFF  # SECCOMP_RET_DATA
DEFAULT_ERRNO = errno.EPERM
TAKES_ERRNO = {"SCMP_ACT_ERRNO": ERRNO_LIMIT, "SCMP_ACT_TRACE": DATA_LIMIT}
# a program that is refused these gets EPERM, or worse, for calls that its profile has never heard of
STRICT_DEFAULTS = frozenset(
    ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP")
)
# what carries the listener's fd away, under the filter already; `write` is refused as it is by runc
NEVER_NOTIFIED = ("sendmsg", "write")
TREE_THRESHOLD = 32  # rules from which on libseccomp's binary tree pays
_ACTION_MASK = 0xFFFF0000
_LETS_RUN = frozenset(
    (
        seccomp.SECCOMP_RET_ALLOW,
        seccomp.SECCOMP_RET_LOG,
        seccomp.SECCOMP_RET_TRACE,
        seccomp.SECCOMP_RET_USER_NOTIF,
    )
)
_LETS_PASS = frozenset((seccomp.SECCOMP_RET_ALLOW, seccomp.SECCOMP_RET_LOG))


class Rule(NamedTuple):
    """``action`` (SECCOMP_RET_* with its data) for calls of ``name`` of which all comparisons hold."""

    name: str
    action: int
    comparisons: tuple[Comparison, ...]
    pointer: str


class Listener(NamedTuple):
    """Whom the calls with SCMP_ACT_NOTIFY are told; ``metadata`` is theirs alone."""

    path: str
    metadata: str


class SeccompRules(NamedTuple):
    """A checked profile; ``flags`` None where it has none, and what is customary holds.

    ``answers_enosys``: calls newer than all of ``names`` are answered with ENOSYS.  ``refuses_unknown``: a name that
    libseccomp doesn't know is a fault.
    """

    default_action: int
    architectures: tuple[str, ...]
    rules: tuple[Rule, ...]
    names: tuple[str, ...]
    flags: tuple[str, ...] | None
    listener: Listener | None
    answers_enosys: bool
    refuses_unknown: bool = False


class Filter(NamedTuple):
    """What seccomp(2) gets; with a ``listener`` the flags demand its fd."""

    program: bytes
    flags: int
    listener: Listener | None


def plan_seccomp(config: Mapping[str, Any]) -> SeccompRules | None:
    """The profile of a checked config, None where it has none.  SpecFault."""
    profile = config.get("linux", {}).get("seccomp")
    if profile is None:
        return None
    default: str = profile["defaultAction"]
    default_errno: int | None = profile.get("defaultErrnoRet")
    default_action = _action(default, default_errno, f"{PLACE}/defaultErrnoRet")
    if default == "SCMP_ACT_NOTIFY":
        raise SpecFault(
            f"{PLACE}/defaultAction",
            "SCMP_ACT_NOTIFY cannot be used as default action",
            hint="the listener can't get its file descriptor if each system call has to wait for it",
        )
    _check_architectures(profile)
    entries: Sequence[Mapping[str, Any]] = profile.get("syscalls", ())
    rules = [rule for index, entry in enumerate(entries) for rule in _rules(entry, index, default_action)]
    flags = profile.get("flags")
    return SeccompRules(
        default_action=default_action,
        architectures=tuple(profile.get("architectures", ())),
        rules=tuple(rules),
        names=tuple(name for entry in entries for name in entry["names"]),
        flags=None if flags is None else tuple(flags),
        listener=_listener(profile, notifies=any(entry["action"] == "SCMP_ACT_NOTIFY" for entry in entries)),
        answers_enosys=default in STRICT_DEFAULTS and default_errno != errno.ENOSYS,
        refuses_unknown=REFUSES_UNKNOWN in config.get("annotations", {}),
    )


def _action(name: str, number: int | None, place: str) -> int:
    """SECCOMP_RET_* with the errno in its lower half."""
    value = seccomp.ACTIONS[name]
    limit = TAKES_ERRNO.get(name)
    if limit is None:
        if number is not None:
            raise SpecFault(place, f"{name} returns no errno", hint="leave it out, or use SCMP_ACT_ERRNO")
        return value
    if number is not None and number > limit:
        raise SpecFault(place, f"{number} is too large for {name}", hint=f"{limit} is the most")
    return value | (DEFAULT_ERRNO if number is None else number)


def _check_architectures(profile: Mapping[str, Any]) -> None:
    for index, name in enumerate(profile.get("architectures", ())):
        if name not in seccomp.ARCHITECTURES:
            raise SpecFault(
                f"{PLACE}/architectures/{index}",
                f"{name!r} is no architecture",
                hint="write one of libseccomp's names, such as SCMP_ARCH_X86_64",
            )


def _rules(entry: Mapping[str, Any], index: int, default_action: int) -> list[Rule]:
    """The rules of one item of ``syscalls``; none where they would only repeat the default."""
    place = f"{PLACE}/syscalls/{index}"
    action = _action(entry["action"], entry.get("errnoRet"), f"{place}/errnoRet")
    comparisons = [_comparison(each, f"{place}/args/{number}") for number, each in enumerate(entry.get("args", ()))]
    if entry["action"] == "SCMP_ACT_NOTIFY":
        _check_notified(entry["names"], place)
    if action == default_action:
        return []
    # libseccomp takes one comparison for each argument in a rule, all of which must hold; where an argument has
    # several, runc makes each a rule of its own, so that any of them may hold: what callers' profiles rely on
    if len({each.argument for each in comparisons}) < len(comparisons):
        groups = [(each,) for each in comparisons]
    else:
        groups = [tuple(comparisons)]  # type: ignore[list-item]
    return [
        Rule(name, action, group, f"{place}/names/{number}")
        for number, name in enumerate(entry["names"])
        for group in groups
    ]


def _comparison(argument: Mapping[str, Any], place: str) -> Comparison:
    if argument["index"] >= ARGUMENTS_LIMIT:
        raise SpecFault(
            f"{place}/index",
            f"{argument['index']} is no argument of a system call",
            hint=f"they are numbered from 0 to {ARGUMENTS_LIMIT - 1}",
        )
    # of SCMP_CMP_MASKED_EQ, value is the mask and valueTwo what is left of the argument
    return Comparison(
        argument["index"], seccomp.OPERATORS[argument["op"]], argument["value"], argument.get("valueTwo", 0)
    )


def _check_notified(names: Sequence[str], place: str) -> None:
    for number, name in enumerate(names):
        if name in NEVER_NOTIFIED:
            raise SpecFault(
                f"{place}/names/{number}",
                f"SCMP_ACT_NOTIFY cannot be used for the {name} syscall",
                hint="the listener gets its file descriptor by it, under the filter already",
            )


def _listener(profile: Mapping[str, Any], *, notifies: bool) -> Listener | None:
    path: str = profile.get("listenerPath", "")
    metadata: str = profile.get("listenerMetadata", "")
    if metadata and not path:
        raise SpecFault(
            f"{PLACE}/listenerMetadata", "there is no listenerPath to send it to", hint="name one, or leave it out"
        )
    if not notifies:
        return None
    if not path:
        raise SpecFault(
            PLACE, "SCMP_ACT_NOTIFY needs a listenerPath", hint="name the Unix socket that the listener accepts on"
        )
    if not path.startswith("/"):
        raise SpecFault(f"{PLACE}/listenerPath", f"{path!r} is not absolute", hint="write the whole path")
    return Listener(path, metadata)


def compile_filter(rules: SeccompRules, cache_root: int | None = None) -> Filter:
    """The program for ``rules``, kept in ``cache_root``, a directory of our own.  SpecFault, Unsupported."""
    flags = _filter_flags(rules)
    try:
        key = _cache_key(rules)
    except OSError:
        raise Unsupported(
            f"config.json#{PLACE}: {libseccomp.LIBRARY} is needed for this, and is not installed",
            hint=f"apt install {libseccomp.PACKAGE}",
        ) from None
    program = seccomp_cache.read(cache_root, key) if cache_root is not None else None
    if program is None:
        program = _compile(rules)
        if cache_root is not None:
            seccomp_cache.write(cache_root, key, program)
    return Filter(program, flags, rules.listener)


def connect_listener(found: Filter) -> _socket.socket | None:
    """Whom SCMP_ACT_NOTIFY is to tell: he must be there before anything is made.  None: nobody is.  Fault."""
    if found.listener is None:
        return None
    try:
        return connect_path(found.listener.path)
    except OSError as error:
        raise Fault(
            f"config.json#/linux/seccomp/listenerPath: can't connect to {found.listener.path}: "
            f"{error.strerror or error}",
            hint="start the listener first",
        ) from None


def _filter_flags(rules: SeccompRules) -> int:
    """The flags of seccomp(2).  TSYNC asks for nothing: only one thread is there when the filter is loaded.

    Without any, SPEC_ALLOW is customary where the kernel has it, as with runc: before Linux 5.16 the alternative slowed
    down each program by a measure against speculation that most don't need.
    """
    if rules.flags is None:
        spec_allow = seccomp.SECCOMP_FILTER_FLAG_SPEC_ALLOW
        flags = spec_allow if seccomp.knows_flags(spec_allow) else 0
    else:
        flags = 0
        for index, name in enumerate(rules.flags):
            if not seccomp.knows_flags(seccomp.FLAGS[name]):
                raise Unsupported(f"config.json#{PLACE}/flags/{index}: this kernel doesn't know {name}")
            flags |= seccomp.FLAGS[name]
        flags &= ~seccomp.SECCOMP_FILTER_FLAG_TSYNC
    if rules.listener:
        return flags | seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER
    return flags & ~seccomp.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV  # it is about notifications, and refused without


def _cache_key(rules: SeccompRules) -> list[object]:
    """All that the program depends on beside the kernel and ourselves."""
    return [
        libseccomp.version(),
        rules.default_action,
        rules.architectures,
        [rule[:3] for rule in rules.rules],
        rules.names if rules.answers_enosys else None,
        rules.listener is not None,
        rules.refuses_unknown,
    ]


def _compile(rules: SeccompRules) -> bytes:
    with libseccomp.Filter(rules.default_action) as made:
        for index, name in enumerate(rules.architectures):
            _add_architecture(made, name, index)
        if len(rules.rules) > TREE_THRESHOLD:
            try:
                made.set_attribute(libseccomp.SCMP_FLTATR_CTL_OPTIMIZE, libseccomp.OPTIMIZE_BINARY_TREE)
            except OSError:
                pass  # before 2.5.0 there is no such attribute, and the program is as right without
        for rule in rules.rules:
            _add_rule(made, rule, refuses_unknown=rules.refuses_unknown)
        program = made.export()
    if rules.answers_enosys:
        program = _prologue(rules) + program
    if len(program) > seccomp.BPF_MAXINSNS * seccomp.INSTRUCTION_BYTES:
        raise SpecFault(
            PLACE,
            f"the filter takes {len(program) // seccomp.INSTRUCTION_BYTES} instructions, "
            f"and the kernel accepts {seccomp.BPF_MAXINSNS}",
            hint="compare fewer arguments, or name fewer architectures",
        )
    _try_out(program, rules)
    return program


def _add_architecture(made: libseccomp.Filter, name: str, index: int) -> None:
    try:
        made.add_architecture(seccomp.ARCHITECTURES[name])
    except OSError as error:
        known = "goes with no filter of this machine" if error.errno == errno.EDOM else "is not known to libseccomp"
        raise SpecFault(f"{PLACE}/architectures/{index}", f"{name} {known}", hint="leave it out") from None


def _add_rule(made: libseccomp.Filter, rule: Rule, *, refuses_unknown: bool) -> None:
    """A name that libseccomp doesn't know is newer than it, or no call at all: passed over, as runc does."""
    number = libseccomp.system_call(rule.name)
    if number is None:
        if not refuses_unknown:
            return
        told = f"libseccomp knows no system call {rule.name}, and the annotation {REFUSES_UNKNOWN} forbids that"
        raise SpecFault(rule.pointer, told, hint="correct it, or leave one of them out")
    try:
        made.add_rule(rule.action, number, rule.comparisons)
    except OSError as error:
        if error.errno == errno.EEXIST:
            told = "another rule for the same arguments demands something else"
        else:
            told = str(error)
        raise SpecFault(rule.pointer, f"{rule.name}: {told}", hint="keep one of the rules") from None


def _prologue(rules: SeccompRules) -> bytes:
    """ENOSYS for calls newer than what the profile names, on each of its architectures and this machine's own."""
    x86_64, x32 = seccomp.ARCHITECTURES["SCMP_ARCH_X86_64"], seccomp.ARCHITECTURES["SCMP_ARCH_X32"]
    tokens = dict.fromkeys(
        (libseccomp.native_architecture(), *(seccomp.ARCHITECTURES[name] for name in rules.architectures))
    )
    newest = {token: _newest(token, rules.names) for token in tokens}
    made = [Newest(token, number) for token, number in newest.items() if token not in (x86_64, x32)]
    if x86_64 in newest or x32 in newest:
        with_bit = newest.get(x32)
        made.insert(
            0, Newest(x86_64, newest.get(x86_64), None if with_bit is None else with_bit & ~seccomp.X32_SYSCALL_BIT)
        )
    return unknown_calls_prologue(made, x86_64=x86_64)


def _newest(architecture: int, names: Sequence[str]) -> int | None:
    found = (libseccomp.system_call_of(architecture, name) for name in names)
    return max((number for number in found if number is not None), default=None)


def _try_out(program: bytes, rules: SeccompRules) -> None:
    """Refuse what would end as a mystery: the program's own execve(2), and the listener's fd, come after the filter."""
    native = libseccomp.native_architecture()
    found = {each & _ACTION_MASK for each in decisions(program, native, numbers.EXECVE)}
    if not found & _LETS_RUN:
        raise SpecFault(
            PLACE, "the filter forbids execve, so that no program could ever be started", hint="allow execve"
        )
    if rules.listener:
        found = {each & _ACTION_MASK for each in decisions(program, native, numbers.SENDMSG)}
        if not found <= _LETS_PASS:
            raise SpecFault(
                PLACE,
                "the filter forbids sendmsg, by which the listener gets its file descriptor",
                hint="allow sendmsg",
            )
