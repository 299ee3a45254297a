"""restore: a new life of a container, whose processes come out of a checkpoint's images.

    read and check the bundle, plan the cgroup       as `create` does
    publish <id>/ as `creating`
    cgroup -> fork what becomes criu -> go           its children land in the cgroup
    prestart and createRuntime hooks                 once the namespaces are there, where there are such hooks
    criu tells the first process's pid, and waits    mounts as config.json asks for; limits; pid file
    commit `created` and `started` as one            what is about to run is on record before it does
    go; criu ends                                    and leaves the first process beside itself: our child

A terminal's master comes from criu before all is back, and goes to the console socket, or stays with the foreground.

Any failure takes back all of it but a last record that tells the fault.  As with runc, hooks that belong to the
environment are run, since that is new (a network that such a hook sets up, for example); createContainer,
startContainer and poststart hooks are not: nothing is created from the image, and no program is started.
"""

from __future__ import annotations

import os

from runtime import jsontext
from runtime.actions.beginning import (
    Beginning,
    Made,
    announce_root,
    check_terminal,
    entry_of,
    first_record,
    plan_cgroup,
)
from runtime.actions.checkpoint import demand_root, mounts_of, open_directories, refuse_config
from runtime.actions.identity import identify
from runtime.actions.pidfile import write_pid_file
from runtime.actions.run import supervise
from runtime.cgroups import manager
from runtime.errors import Fault, Unsupported
from runtime.kernel import clock, process, procfs
from runtime.kernel.files import let_go
from runtime.sandbox import criu, criu_service, relay, restoring
from runtime.spec.bundle import read_bundle
from runtime.spec.fields import namespace_paths
from runtime.store import layout
from runtime.store.handover import hand_over
from runtime.store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtime.actions.beginning import Request, Warn
    from runtime.actions.context import Context
    from runtime.cgroups.manager import CgroupPlan
    from runtime.sandbox.criu import CriuOptions, Directories
    from runtime.sandbox.restoring import Launched
    from runtime.spec.bundle import Bundle
    from runtime.store.record import Process, Record
    from runtime.store.store import Action

STDIO = ("stdin", "stdout", "stderr")


def restore(
    context: Context,
    container_id: str,
    request: Request,
    options: CriuOptions,
    *,
    detach: bool = False,
    no_subreaper: bool = False,
    warn: Warn | None = None,
) -> int:
    """As `run`: the exit code of the program, 128 plus the signal's number if one ended it; 0 when detached."""
    layout.check_id(container_id)
    demand_root(context, "restore")
    criu.check_options(options)
    if options.manage_cgroups == "strict":
        raise Unsupported(
            "--manage-cgroups-mode strict: criu would have to find no cgroup of the container, and runf makes it first",
            hint="take full, which sets what was written down of cgroups that are there",
        )

    def begin(asked: Request) -> tuple[Made, None]:
        return _make(context, container_id, asked, options), None

    manners = {"detach": detach, "keep": False, "no_subreaper": no_subreaper}
    return supervise(context, container_id, request, begin, warn=warn, **manners)


def _make(context: Context, container_id: str, request: Request, options: CriuOptions) -> Made:
    path = criu_service.find_criu(os.environ, options.program)
    criu_service.refuse_options(path, options)
    if not os.path.isdir(options.images):
        raise Fault(f"--image-path {options.images}: there is no such directory", hint="name one that checkpoint wrote")
    os.makedirs(options.work, 0o700, exist_ok=True)
    bundle = read_bundle(request.bundle, config=request.config)
    check_terminal(bundle, request)
    refuse_config(bundle.config)
    mounts_of(bundle.config, bundle.path)  # what can't be brought back is refused while nothing is there yet
    cgroup = plan_cgroup(context, container_id, bundle, request)
    record = first_record(context, container_id, bundle, cgroup)
    store = Store(context.roots.state, make=True, public=context.public_state, proc=context.roots.proc)
    try:
        announce_root(context)
        with store.publish(record, {"config.json": bundle.raw}, ()) as action:
            return _Restoring(context, store, action, bundle, cgroup, options, request).carry_out(path)
    finally:
        store.close()


class _Restoring(Beginning):
    """One restore under way, its action lock held."""

    def __init__(
        self,
        context: Context,
        store: Store,
        action: Action,
        bundle: Bundle,
        cgroup: CgroupPlan,
        options: CriuOptions,
        request: Request,
    ) -> None:
        super().__init__(context, store, action, bundle, cgroup, request)
        self.options = options
        self.steps = mounts_of(bundle.config, bundle.path)

    def carry_out(self, path: str) -> Made:
        """All steps; on any fault all of them backwards."""
        try:
            made = self._bring_back(path)
        except BaseException as fault:
            self.take_back(fault)
            raise
        self.undo.forget()
        return made

    def _bring_back(self, path: str) -> Made:
        manager.make(self.cgroup)
        self.undo.push("cgroup", self._remove_cgroup)
        if self.cgroup.unit is None:
            self.claim_cgroup()  # criu outlives us in it, and what it brings back
        directories = open_directories(self.options)
        try:
            with self._launch(path, directories) as launched:
                manager.adopt(self.cgroup, self.action.id, launched.pid)
                if self.cgroup.unit is not None:
                    self.claim_cgroup()
                manager.settle(self.cgroup, launched.pid)
                return self._let_run(launched)
        finally:
            let_go(*directories)

    def _let_run(self, launched: Launched) -> Made:
        log = f"{self.options.work}/{criu.RESTORE_LOG}"
        pid = launched.bring_back(log, on_namespaces=self._early_hooks, on_terminal=self.take_terminal)
        pidfd = process.pidfd_open(pid)
        self.undo.push("first process", lambda: let_go(pidfd))
        restoring.protect_again(pidfd, self.steps, is_readonly=self.bundle.config["root"].get("readonly", False))
        manager.apply(self.cgroup)
        if self.master_fd is not None:
            relay.pass_size_on(self.master_fd)  # criu has given it the size that it had
        if self.request.pid_file:
            write_pid_file(self.request.pid_file, pid)
        identity = identify(pid, self.context.roots.proc)
        record = self._commit_running(identity)
        hand_over(self.store.fds.root, record["instance"], identity, pidfd)
        launched.let_run(log)
        return Made(record, pidfd, self.master_fd)

    def _early_hooks(self, pid: int) -> None:
        self.has_environment = True
        self.run_early_hooks(pid)

    def _remove_cgroup(self) -> None:
        """With what criu has brought back so far; unless it is somebody else's, a scope that was there before."""
        if self.has_cgroup:
            cgroup = manager.record_cgroup(self.cgroup)
            manager.kill_all(cgroup)
            manager.remove(cgroup)

    def _launch(self, path: str, directories: Directories) -> Launched:
        network = self._open_network()
        inherited = _open_inherited(self.options.images)
        if network is not None:
            inherited[network] = criu.NETWORK
        entry = manager.open_entry(self.cgroup)
        try:
            return restoring.launch_restore(
                path,
                self.options,
                directories,
                self._request(directories, inherited),
                rootfs=self.bundle.rootfs,
                steps=self.steps,
                entry=entry_of(entry),
                close_fds=self.action.fds(),
                keep_fds=inherited,
            )
        finally:
            let_go(*entry.join_fds, *inherited, *(() if entry.cgroup_fd is None else (entry.cgroup_fd,)))

    def _request(self, directories: Directories, inherited: Mapping[int, str]) -> bytes:
        masked = self.bundle.config.get("linux", {}).get("maskedPaths", ())
        return criu.restore_request(
            self.options,
            directories,
            root=self.bundle.rootfs,
            externals=criu.external_mounts(self.steps, masked),
            cgroup_roots=criu.cgroup_roots(manager.record_cgroup(self.cgroup), manager.mount_points(self.cgroup)),
            inherited=inherited,
            has_terminal=self.bundle.config["process"].get("terminal", False),
        )

    def _open_network(self) -> int | None:
        path = namespace_paths(self.bundle.config).get("network")
        if path is None:
            return None
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Fault(f"the network namespace {path} can't be opened: {error.strerror}") from None

    def _commit_running(self, first: Process) -> Record:
        namespaces = procfs.namespaces(self.context.roots.proc, first["pid"])
        return self.commit(
            happenings=("created", "started"),
            status="running",
            pid=first["pid"],
            process=first,
            maker=None,
            started=clock.now(),
            linux={"cgroup": manager.record_cgroup(self.cgroup), "namespaces": namespaces},
        )


def _open_inherited(images: str) -> dict[int, str]:
    """Copies of them for criu, which closes what it was given and may look for its own stdin later."""
    opened: dict[int, str] = {}
    try:
        for fd, what in _inherited(images):
            opened[os.dup(fd)] = what
    except BaseException:
        let_go(*opened)
        raise
    return opened


def _inherited(images: str) -> Iterator[tuple[int, str]]:
    """Which of stdin, stdout and stderr ours are put in the place of.  Fault: one is of another kind."""
    for fd, what in enumerate(_stdio(images)):
        if what.startswith("file["):
            try:
                os.lseek(fd, 0, os.SEEK_CUR)
            except OSError:
                raise Fault(
                    f"{STDIO[fd]} was a file when the container was written to disk, and is none now",
                    hint="redirect it to a file, or /dev/null",
                ) from None
        if what.startswith(("pipe:", "file[")):
            yield fd, what


def _stdio(images: str) -> list[str]:
    """What stdin, stdout and stderr were; nothing where the images are another program's."""
    try:
        with open(f"{images}/{criu.DESCRIPTORS}", "rb") as descriptors:
            found = jsontext.decode(descriptors.read())
    except (FileNotFoundError, jsontext.BadJson):
        return []
    return [str(each) for each in found[:3]] if isinstance(found, list) else []
