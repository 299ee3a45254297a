"""checkpoint: criu writes a container's processes into a directory, from which `restore` begins a new life.

    under `action`   observe `running` or `paused`; criu dumps; commit `checkpointed`
    then             the container is deleted, as with runc, unless it is to run on

A pre-dump, of memory alone, leaves the container and its record as they are.
"""

from __future__ import annotations

import os

from runtime import jsontext
from runtime.actions import delete, look
from runtime.actions.status import refuse
from runtime.errors import Fault, Unsupported
from runtime.kernel import clock
from runtime.kernel.files import let_go
from runtime.sandbox import criu, criu_service, restoring
from runtime.sandbox.criu import Directories
from runtime.sandbox.mounts import plan_mounts
from runtime.sandbox.namespaces import plan_namespaces
from runtime.spec.fields import namespace_paths
from runtime.spec.frozen import thaw_config
from runtime.store import layout
from runtime.store.record import advance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.sandbox.criu import CriuOptions
    from runtime.sandbox.mounts import MountStep
    from runtime.spec.config import Config
    from runtime.store.record import Record
    from runtime.store.store import Store

PRIVATE = 0o700


def checkpoint(context: Context, container_id: str, options: CriuOptions) -> list[Fault]:
    """Write the images; what went wrong while deleting without stopping it (poststop hooks)."""
    demand_root(context, "checkpoint")
    criu.check_options(options)
    path = criu_service.find_criu(os.environ, options.program)
    criu_service.refuse_options(path, options)
    store = look.open_store_of(context, container_id)
    try:
        with store.action(container_id):
            observed = look.observe_container(context, store, container_id)
            look.demand_verified(observed, "checkpoint")
            refuse("checkpoint", container_id, observed.status)
            config = thaw_config(store.read_file(container_id, layout.CONFIG))
            refuse_config(config)
            _dump(context, observed.record, config, options, path)
            if options.pre_dump:
                return []
            _commit(store, container_id)
    finally:
        store.close()
    if options.leave_running:
        return []
    return delete.delete(context, container_id, force=True, instance=observed.record["instance"])


def demand_root(context: Context, verb: str) -> None:
    """Unsupported for everybody else: criu enters and makes namespaces, and writes into the kernel's own tables."""
    if context.rootless:
        raise Unsupported(f"{verb}: criu needs root in the initial user namespace", hint=f"{verb} it as root")


def refuse_config(config: Config) -> None:
    """What isn't in the images: mounts of others.  Unsupported."""
    if namespace_paths(config).get("mount", "the runtime's") is not None:
        raise Unsupported(
            "config.json#/linux/namespaces: a container that shares its mount namespace can't be written to disk "
            "and restored",
            hint='create it with {"type": "mount"}, without a path, in linux.namespaces',
        )


def mounts_of(config: Config, bundle: str) -> tuple[MountStep, ...]:
    """The mounts that were made, or will have been.  Unsupported: criu can't bring one of them back."""
    steps = plan_mounts(config, bundle=bundle, namespaces=plan_namespaces(config, rootless=False))
    for step in steps:
        if step.id_map:
            raise Unsupported(
                f"config.json#{step.pointer}: an id-mapped mount can't be written to disk and restored",
                hint="create the container without one",
            )
    return steps


def open_directories(options: CriuOptions) -> Directories:
    """Those of the images and of criu's work, for criu to find by our fds; the caller lets them go."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    images_fd = os.open(options.images, flags)
    try:
        return Directories(images_fd, os.open(options.work, flags))
    except BaseException:
        let_go(images_fd)
        raise


def _dump(context: Context, record: Record, config: Config, options: CriuOptions, path: str) -> None:
    os.makedirs(options.images, PRIVATE, exist_ok=True)
    os.makedirs(options.work, PRIVATE, exist_ok=True)
    pid = record["pid"]
    stdio = restoring.stdio_of(context.roots.proc, pid)
    steps = mounts_of(config, record["bundle"])
    masked = (mask for mask in config.get("linux", {}).get("maskedPaths", ()) if _is_file(context, pid, mask))
    mounts = criu.mounts_of_dump(criu.external_mounts(steps, masked))
    files = [key for key in stdio if key.startswith("file[")]
    cgroup = record["linux"]["cgroup"]
    paths = cgroup["paths"] if cgroup else {}
    joined = namespace_paths(config).get("network") is not None
    _write(f"{options.images}/{criu.DESCRIPTORS}", jsontext.encode(stdio).encode())
    directories = open_directories(options)
    try:
        request = criu.dump_request(
            options,
            directories,
            pid,
            (*mounts, *dict.fromkeys(files)),
            freezer=paths.get("unified") or paths.get("freezer"),
            network_inode=record["linux"]["namespaces"].get("net") if joined else None,
            has_terminal=config["process"].get("terminal", False),
        )
        criu_service.run_dump(path, request, options, f"{options.work}/{criu.DUMP_LOG}")
    finally:
        let_go(*directories)


def _is_file(context: Context, pid: int, path: str) -> bool:
    """Whether what masks ``path`` is a file; those that the container lacks aren't masked."""
    place = f"{context.roots.proc}/{pid}/root{path}"
    return os.path.lexists(place) and not os.path.isdir(place)


def _write(path: str, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)


def _commit(store: Store, container_id: str) -> None:
    with store.locked(container_id) as held:
        held.commit(advance(held.record, now=clock.now(), happenings=("checkpointed",)))
