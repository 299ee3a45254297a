"""The first process of a new container: STEPS, in their order, from the fork to the stub's execve.

    step         why there
    cgroup       first, so that all that it does is accounted; before the cgroup namespace, whose root that becomes
    go at once   where what follows needs what its maker does first: waits until that is done, as below
    settle       ids of the user namespace; then non-dumpable, imports and fds closed
    session      own session and keyring
    names        host name, loopback, sysctls: through the host's procfs, which no image has touched
    root         private propagation, the rootfs as a mount; a mount namespace that is joined, before that
    mounts       in the order of config.json, by fd
    go           in all other cases waits only here until its identity is on disk and its limits are set: all that it
                 has done is in namespaces of its own and ends with it, while its maker was busy with those
    devices      nodes, links, the terminal
    hooks        `mounted`: the parent's prestart and createRuntime; then createContainer, before the root is entered
    protect      masked and read-only paths, read-only root: after the hooks, which may still write
    enter        pivot_root, or where others share the mount namespace chroot
    limits       rlimits, while we may still raise them; memory policy, execution domain
    identity     bounding set, ids, capabilities, no_new_privs
    program      HOME, the file to execute
    wait         the stub waits at the gate in our place

Source: runtime-spec: runtime.md#lifecycle, config.md#posix-platform-hooks.
"""

from __future__ import annotations

import os

from runtime.errors import InitFault
from runtime.kernel import process, procfs
from runtime.kernel.keyring import join_session_keyring
from runtime.kernel.mounted import mounted_at
from runtime.kernel.signals import reset_signals
from runtime.sandbox import (
    cgroup_mounts,
    channel,
    confinement,
    dev_directory,
    entering,
    gate,
    identity,
    leaving,
    mounting,
    mounts,
    program,
    rootfs,
)
from runtime.sandbox import settings as kernel_settings
from runtime.sandbox.cgroup_entry import enter_cgroups
from runtime.sandbox.channel import ALIVE_BUT_UNHEARD
from runtime.sandbox.features import console, hooks, scheduling
from runtime.sandbox.gate import FIRST_PRESERVED_FD
from runtime.sandbox.leaving import Leaver
from runtime.sandbox.lsm import label_keyrings
from runtime.sandbox.resolve import open_plain_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from runtime.sandbox.channel import Channel
    from runtime.sandbox.plan import InitPlan

# the states that come with `go`, by their place there
HOOK_STATE, PROCESS_STATE = 0, 1


class Init(Leaver):
    """What the steps hand on besides: the root's fd, the states for hooks."""

    def __init__(self, plan: InitPlan, parent: Channel) -> None:
        super().__init__(parent)
        self.plan = plan
        self.root_fd = -1
        self.state_fds: list[int] = []
        self.namespaces: dict[str, int] = {}

    def calls(self, base: int, in_stub: bool) -> bytes:
        """What is left to be done before the program."""
        return confinement.last_calls(self.confinement, base, in_stub=in_stub)


def run(plan: InitPlan, parent: Channel) -> NoReturn:
    """Carry out STEPS; tells ``parent`` what fails, and never returns."""
    channel.carry_out(STEPS, Init(plan, parent), parent, ALIVE_BUT_UNHEARD)


def join_cgroup(init: Init) -> None:
    """Into those of v1; a process is cloned into its cgroup of v2."""
    enter_cgroups(init.plan.cgroup)


def await_go_at_once(init: Init) -> None:
    """Wait for the maker's word before anything else, if need be."""
    if init.plan.waits_at_once:
        _await_go(init)


def await_go(init: Init) -> None:
    """Wait for the maker's word, if that hasn't come yet."""
    if not init.plan.waits_at_once:
        _await_go(init)


def _await_go(init: Init) -> None:
    """The maker's end of the channel closing means that it is dead."""
    kind, _, init.state_fds = init.parent.receive()
    if kind != channel.GO:
        os._exit(ALIVE_BUT_UNHEARD)


def settle(init: Init) -> None:
    """Become root of the user namespace, and close ourselves off."""
    kernel_settings.set_oom_score(init.plan.settings)
    if init.plan.namespaces.has_user:
        init.plan = init.plan._replace(identity=identity.within_namespace(init.plan.identity))
        _take_mapped_ids(init.plan)
    plan = init.plan
    process.set_dumpable(False)
    gate.close_imports()
    reset_signals()
    first = FIRST_PRESERVED_FD + plan.preserve_fds
    own = (init.parent.fileno(), plan.gate_fd, plan.outcome_fd, *init.state_fds)
    others = (fd for fd in (plan.listener_fd, plan.mounts_fd, plan.devices_fd) if fd is not None)
    gate.close_fds(first, (*own, *others, *mounts.source_fds(plan.mounts)))
    if "cgroup" in plan.namespaces.new:
        process.unshare(process.CLONE_NEWCGROUP)
    # prepared here, where it costs nothing that a hook or a mount could spoil
    init.confinement = confinement.prepare(
        plan.lsm,
        plan.filter,
        plan.capabilities,
        uid=plan.identity.uid,
        no_new_privs=plan.program.no_new_privs,
        outcome_fd=plan.outcome_fd,
        listener_fd=plan.listener_fd,
        state=_state(init, PROCESS_STATE),
    )
    leaving.prepare_stub(init, init.calls)
    init.namespaces = procfs.namespaces("/proc", "self")
    if plan.mounts_fd is not None:
        init.namespaces["mnt"] = os.fstat(plan.mounts_fd).st_ino


def _take_mapped_ids(plan: InitPlan) -> None:
    """The ids that we came with have no mapping, so nothing could be made with them; setgroups may be forbidden."""
    if any(line.inside == 0 for line in procfs.id_map("/proc", "self", "gid")):
        if plan.identity.sets_groups:
            os.setgroups(())
        os.setresgid(0, 0, 0)
    if any(line.inside == 0 for line in procfs.id_map("/proc", "self", "uid")):
        os.setresuid(0, 0, 0)


def make_session(init: Init) -> None:
    """A session of our own, so that no terminal of the caller reaches us, and a keyring so that no key does."""
    os.setsid()
    if init.plan.joins_keyring:
        label_keyrings(init.plan.lsm)
        try:
            join_session_keyring(init.plan.session_keyring)
        except OSError:
            return  # a kernel without keyrings, or a quota that is used up: runc and crun go on as well


def set_names(init: Init) -> None:
    """Names and parameters of the new namespaces."""
    kernel_settings.set_names(init.plan.settings)


def prepare_root(init: Init) -> None:
    """From here on ``root_fd`` stands for the rootfs."""
    os.umask(0)
    plan = init.plan
    if not plan.root.shares_mounts:
        entering.isolate(plan.root)
        init.root_fd = entering.attach(plan.root)
        return
    if plan.mounts_fd is not None:  # only now: nothing in there is to be trusted, its procfs least of all
        process.setns(plan.mounts_fd, process.CLONE_NEWNS)
        os.close(plan.mounts_fd)
    init.root_fd, place = entering.copy(plan.root)
    mount = rootfs.RootMount(init.namespaces["mnt"], mounted_at(init.root_fd), plan.root.path)
    init.parent.send(channel.ROOT, *mount.fields())
    _await_proceed(init)
    entering.lay_over(init.root_fd, place, plan.root)


def _await_proceed(init: Init) -> None:
    kind, _, _ = init.parent.receive()
    if kind != channel.PROCEED:
        os._exit(ALIVE_BUT_UNHEARD)


def make_mounts(init: Init) -> None:
    """All mounts of config.json; a failure names its entry."""
    plan = init.plan
    own_cgroups = "cgroup" in plan.namespaces.new
    joins_cgroups = any(joined.kind == "cgroup" for joined in plan.namespaces.joined)
    keeps_in = plan.root.shares_mounts and not plan.root.spreads
    may_change_host = not (own_cgroups or joins_cgroups or plan.in_userns or plan.namespaces.has_user)
    for step in plan.mounts:
        try:
            if step.kind == "cgroup":
                cgroup_mounts.apply_cgroup_mount(
                    init.root_fd,
                    step,
                    plan.cgroup,
                    own_namespace=own_cgroups,
                    may_change_host=may_change_host,
                    is_v2=plan.host_has_v2,
                )
            else:
                mounting.apply_mount(init.root_fd, step, keeps_in=keeps_in)
        except OSError as error:
            told = f"{step.describe()}: {error.strerror}"
            raise InitFault("mounts", error.errno, told) from error
    entering.make_cwd(init.root_fd, plan.root)


def make_devices(init: Init) -> None:
    """/dev, and the terminal's two ends."""
    plan = init.plan
    dev_directory.apply_devices(
        init.root_fd, plan.devices, made_fd=plan.devices_fd, makes_console=plan.program.has_terminal
    )
    if not plan.program.has_terminal:
        return
    pts = open_plain_directory(init.root_fd, "/dev/pts", "console")
    pts_fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=pts)
    os.close(pts)
    try:
        init.console = console.open_console(pts_fd, size=plan.program.console_size, uid=plan.identity.uid)
    finally:
        os.close(pts_fd)
    if plan.devices.fills_dev:
        dev_fd = open_plain_directory(init.root_fd, "/dev", "console")
        try:
            console.attach_console(init.console.slave_fd, dev_fd)
        finally:
            os.close(dev_fd)
    init.parent.send(channel.CONSOLE, fds=(init.console.master_fd,))
    os.close(init.console.master_fd)


def run_early_hooks(init: Init) -> None:
    """First the parent's, in its namespaces; then createContainer's in ours, with paths of the host."""
    if init.plan.announces_mounts:
        init.parent.send(channel.MOUNTED)
        _await_proceed(init)
    if init.plan.create_hooks:
        hooks.run_hooks(init.plan.create_hooks, "createContainer", _state(init, HOOK_STATE))


def _state(init: Init, index: int) -> bytes:
    if not init.state_fds:
        return b""  # nobody is there to read one
    fd = init.state_fds[index]
    return os.pread(fd, os.fstat(fd).st_size, 0)


def protect(init: Init) -> None:
    """After the hooks, which may still change what becomes unreachable here."""
    entering.protect(init.root_fd, init.plan.root)


def enter_root(init: Init) -> None:
    """The host's tree is gone after this."""
    entering.enter(init.root_fd, init.plan.root, no_pivot=init.plan.no_pivot)
    init.in_directory = program.change_directory(init.plan.program)


def set_limits(init: Init) -> None:
    """Before the identity: raising a limit is root's right."""
    kernel_settings.set_limits(init.plan.settings)
    if init.plan.scheduling:
        scheduling.apply_to_ourselves(init.plan.scheduling)
        if not init.plan.scheduling.by_maker:
            scheduling.apply_to_process(init.plan.scheduling)


def take_identity(init: Init) -> None:
    """The terminal, then the ids and the capabilities."""
    if init.console:
        console.take_console(init.console.slave_fd)
    else:
        identity.give_stdio(init.plan.identity)
    leaving.take_ids(init, init.plan)


def find_program(init: Init) -> None:
    """As the container's user, in its root: what it may not execute isn't found at create already."""
    leaving.find_program(init, init.plan)


def wait_at_gate(init: Init) -> None:
    """Tell that we are ready, and become the stub; with startContainer hooks we wait ourselves, and run them then."""
    plan = init.plan
    spaces = b" ".join(b"%s=%d" % (name.encode(), inode) for name, inode in init.namespaces.items())
    init.parent.send(channel.READY, spaces)
    gate_fd: int | None = plan.gate_fd
    if plan.start_hooks or init.stub is None:
        init.parent.close()
        if not os.read(plan.gate_fd, 1):
            os._exit(ALIVE_BUT_UNHEARD)
        gate_fd = None
        _run_start_hooks(init)
    leaving.execute(init, plan, init.calls, gate_fd=gate_fd, not_found=leaving.NOT_FOUND)


def _run_start_hooks(init: Init) -> None:
    if not init.plan.start_hooks:
        return
    try:
        hooks.run_hooks(init.plan.start_hooks, "startContainer", _state(init, HOOK_STATE))
    except BaseException as fault:  # told through the FIFO that start reads, since create is long gone
        number = getattr(fault, "errno", None) or 0
        gate.write_all(
            init.plan.outcome_fd, number.to_bytes(4, "little") + str(fault).encode("utf-8", "replace")[:4000]
        )
        os._exit(ALIVE_BUT_UNHEARD)


STEPS = (
    ("cgroup", join_cgroup),
    ("go at once", await_go_at_once),
    ("settle", settle),
    ("session", make_session),
    ("names", set_names),
    ("root", prepare_root),
    ("mounts", make_mounts),
    ("go", await_go),
    ("devices", make_devices),
    ("hooks", run_early_hooks),
    ("protect", protect),
    ("enter", enter_root),
    ("limits", set_limits),
    ("identity", take_identity),
    ("program", find_program),
    ("wait", wait_at_gate),
)
