"""podman, as root and as an ordinary user, and Docker: alike enough that one case serves all three."""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
from typing import Any

import pytest

from tests.clients import cri
from tests.support.image import write_oci_archive
from tests.support.machine import RUNF, USER_ENVIRON, Machine, wait_for

PODMAN, PODMAN_USER, DOCKER = "podman", "podman, rootless", "Docker"
CONTAINERD, CRI, BUILDAH = "containerd", "containerd's CRI plugin", "buildah"
PROGRAMS = {
    PODMAN: ("podman", "conmon"),
    PODMAN_USER: ("podman", "conmon", "newuidmap"),
    DOCKER: ("dockerd", "docker"),
    CONTAINERD: ("containerd", "ctr", "containerd-shim-runc-v2"),
    CRI: ("containerd", "ctr", "containerd-shim-runc-v2"),
    BUILDAH: ("buildah",),
}
_CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_json = ["crun", "runc", "runf"]
runtime_supports_nocgroup = ["crun", "runf"]
[engine.runtimes]
runf = ["{runf}"]
[network]
network_config_dir = "{home}/networks"
"""
_STORAGE_CONF = """[storage]
driver = "{driver}"
graphroot = "{home}/storage"
runroot = "{runtime_dir}/storage"
"""
_CONTAINERD_CONF = """version = 2
root = "/mnt/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/box:latest"
restrict_oom_score_adj = true
"""
_CRI_RUNTIME = """[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}.options]
BinaryName = "{path}"
"""
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
IMAGE = "docker.io/library/box:latest"
DOCKER_SOCKET = "unix:///run/docker.sock"
_DAEMON = {"runtimes": {"runf": {"path": RUNF}, "crun": {"path": "crun"}}}
_NODE_NAMESPACE = 2
_names = itertools.count(1)


def write_containers_conf(machine: Machine, home: str, runtime_dir: str, driver: str) -> None:
    """What podman and buildah read; their own limits are more than a machine without CAP_SYS_RESOURCE allows."""
    limits = {"files": resource.RLIMIT_NOFILE, "processes": resource.RLIMIT_NPROC}
    most = {name: resource.getrlimit(number)[1] for name, number in limits.items()}
    machine.write(f"{home}/containers.conf", _CONTAINERS_CONF.format(runf=RUNF, home=home, **most))
    machine.write(f"{home}/storage.conf", _STORAGE_CONF.format(driver=driver, home=home, runtime_dir=runtime_dir))


class Engine:
    """An engine with one runtime; what a test makes under names from ``name`` is removed with it."""

    client = ""
    environ: dict[str, str] = {}
    is_user = False

    def __init__(self, machine: Machine, runtime: str) -> None:
        self.machine = machine
        self.runtime = runtime
        self.names: list[str] = []

    def argv(self, *words: str) -> list[str]:
        """The command line in the machine."""
        raise NotImplementedError

    def __call__(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever that is."""
        return self.machine(*self.argv(*words), is_user=self.is_user, env=self.environ, **options)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run it while the test goes on."""
        pipe = subprocess.PIPE
        streams = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe}
        started: subprocess.Popen[str] = self.machine.start(
            *self.argv(*words), is_user=self.is_user, env=self.environ, **streams
        )
        return started

    def ok(self, *words: str, **options: Any) -> str:
        """Run it; it must succeed; what it printed, without the last end of line."""
        done = self(*words, **options)
        assert done.returncode == 0, f"{' '.join(words)}: status {done.returncode}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def name(self) -> str:
        """A new name for a container."""
        self.names.append(f"c{next(_names)}")
        return self.names[-1]

    def run(self, *words: str, **options: Any) -> str:
        """The output of a container, which must succeed, without a network, which few cases need."""
        return self.ok("run", "--rm", "--network", "none", *words, **options)

    def up(self, *words: str) -> str:
        """A container in the background: options, then the image's command, for ever if there is none; its name."""
        name = self.name()
        forever = ("box", "sleep", "1000") if "box" not in words else ()
        network = () if any(word.startswith("--network") for word in words) else ("--network", "none")
        self.ok("run", "--detach", "--name", name, *network, *words, *forever)
        return name

    def inspect(self, name: str) -> Any:
        """What ``inspect`` says."""
        return json.loads(self.ok("inspect", name))[0]

    def place(self) -> str:
        """A new directory that everybody may write to."""
        path = f"/mnt/tmp/{self.runtime}-{next(_names)}"
        self.machine.ok("mkdir", "-m", "777", path, is_user=self.is_user)
        return path

    def runtime_of(self, name: str) -> str:
        """The runtime that ``inspect`` tells."""
        raise NotImplementedError

    def clean(self) -> None:
        """Remove what has a name."""
        if self.names:
            self("rm", "--force", "--volumes", *self.names)


class Podman(Engine):
    """As root."""

    home, runtime_dir, driver = "/mnt/root", "/run", "overlay"

    def __init__(self, machine: Machine, runtime: str) -> None:
        super().__init__(machine, runtime)
        self.environ = {
            "CONTAINERS_CONF": f"{self.home}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{self.home}/storage.conf",
        }
        self.pods: list[str] = []

    @classmethod
    def set_up(cls, machine: Machine) -> None:
        """Write its configuration, and import the image."""
        write_containers_conf(machine, cls.home, cls.runtime_dir, cls.driver)
        podman = cls(machine, "runc")
        if machine(RUNF, "--version", is_user=cls.is_user).returncode:
            pytest.skip("needs a runf, and a Python for it, that ordinary users may execute")
        podman.ok("import", "--quiet", "/mnt/box.tar", "box")

    def argv(self, *words: str) -> list[str]:
        return ["podman", "--runtime", self.runtime, *words]

    def runtime_of(self, name: str) -> str:
        found: str = self.inspect(name)["OCIRuntime"]
        return found

    def pod_name(self) -> str:
        """A new name for a pod."""
        self.pods.append(f"p{next(_names)}")
        return self.pods[-1]

    def pod(self, *words: str) -> str:
        """A pod; its name."""
        self.ok("pod", "create", "--name", self.pod_name(), *words)
        return self.pods[-1]

    def clean(self) -> None:
        if self.names:
            self("rm", "--force", "--volumes", "--time", "0", "--ignore", *self.names)
        if self.pods:
            self("pod", "rm", "--force", "--time", "0", "--ignore", *self.pods)


class RootlessPodman(Podman):
    """As an ordinary user, whose kernel may know no overlays for users."""

    home, runtime_dir, driver = USER_ENVIRON["HOME"], USER_ENVIRON["XDG_RUNTIME_DIR"], "vfs"
    is_user = True


class Docker(Engine):
    """A daemon of the machine's own."""

    environ = {"DOCKER_HOST": DOCKER_SOCKET}

    @classmethod
    def set_up(cls, machine: Machine) -> None:
        """Start the daemon, and import the image."""
        machine.write("/mnt/etc/daemon.json", json.dumps(_DAEMON))
        start_daemon(machine, "/run/docker", DOCKER_SOCKET, "--config-file", "/mnt/etc/daemon.json")
        cls(machine, "runc").ok("import", "/mnt/box.tar", "box")

    def argv(self, *words: str) -> list[str]:
        if words[0] in ("run", "create"):
            words = (words[0], "--runtime", self.runtime, *words[1:])
        return ["docker", *words]

    def runtime_of(self, name: str) -> str:
        found: str = self.inspect(name)["HostConfig"]["Runtime"]
        return found


def start_daemon(machine: Machine, place: str, socket: str, *options: str) -> None:
    """A Docker daemon that answers on ``socket``; it ends with the machine."""
    machine.path(place).mkdir()
    words = ("--exec-root", place, "--data-root", f"/mnt{place}", "--pidfile", f"{place}/pid", "--host", socket)
    log = machine.path(f"{place}/log").open("w")
    daemon = machine.start("dockerd", *words, *options, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()

    def answers() -> bool:
        assert daemon.poll() is None, machine.path(f"{place}/log").read_text()
        return machine("docker", "--host", socket, "version").returncode == 0

    wait_for(machine, answers, "an answer of dockerd")


class Containerd(Engine):
    """A daemon of the machine's own, through ``ctr``."""

    @classmethod
    def set_up(cls, machine: Machine) -> None:
        """Start the daemon, and import the image."""
        start_containerd(machine)
        ctr = cls(machine, "runc")
        archive = machine.path("/mnt/box-oci.tar")
        write_oci_archive(archive, machine.path("/mnt/box.tar"), IMAGE)
        ctr.ok("images", "import", "/mnt/box-oci.tar")

    @property
    def binary(self) -> str:
        """What is called in runc's place."""
        return RUNF if self.runtime == "runf" else self.runtime

    def argv(self, *words: str) -> list[str]:
        if words[0] == "run":
            words = ("run", "--runc-binary", self.binary, *words[1:])
        return ["ctr", *words]

    def run(self, *words: str, **options: Any) -> str:
        """The output of a container: options, then its command after ``box``."""
        at = words.index("box")
        return self.ok("run", "--rm", *words[:at], IMAGE, self.name(), *words[at + 1 :], **options)

    def up(self, *words: str) -> str:
        at = words.index("box") if "box" in words else len(words)
        name = self.name()
        self.ok("run", "--detach", *words[:at], IMAGE, name, *(words[at + 1 :] or ("sleep", "1000")))
        return name

    def status(self, name: str) -> str:
        """What ``tasks list`` says; empty where there is no task."""
        rows = [line.split() for line in self.ok("tasks", "list").splitlines()]
        return next((row[2] for row in rows if row[0] == name), "")

    def clean(self) -> None:
        for name in self.names:
            self("tasks", "delete", "--force", name)
            self("containers", "delete", name)


class Buildah(Engine):
    """Working containers, and what is run in them."""

    def __init__(self, machine: Machine, runtime: str) -> None:
        super().__init__(machine, runtime)
        self.environ = {
            "CONTAINERS_CONF": f"{Podman.home}/containers.conf",
            "CONTAINERS_STORAGE_CONF": f"{Podman.home}/storage.conf",
        }

    @classmethod
    def set_up(cls, machine: Machine) -> None:
        """Write its configuration, and make the image."""
        write_containers_conf(machine, Podman.home, Podman.runtime_dir, Podman.driver)
        buildah = cls(machine, "runc")
        name = buildah.ok("from", "scratch")
        buildah.ok("add", name, "/mnt/box.tar", "/")
        buildah.ok("commit", "--rm", name, "box")

    def argv(self, *words: str) -> list[str]:
        runtime = RUNF if self.runtime == "runf" else self.runtime
        if words[0] in ("run", "build"):
            words = (words[0], "--runtime", runtime, "--isolation", "oci", *words[1:])
        return ["buildah", *words]

    def working(self) -> str:
        """A working container of the image; its name."""
        name = self.name()
        self.ok("from", "--name", name, "localhost/box")
        return name

    def clean(self) -> None:
        for name in self.names:
            self("rm", name)


class CriEngine(Engine):
    """The same daemon, through its CRI plugin; the pods of a test are removed with it."""

    def __init__(self, machine: Machine, runtime: str) -> None:
        super().__init__(machine, runtime)
        self.errors = pytest.importorskip("grpc", reason="needs grpcio: pip install grpcio").RpcError
        self.call = cri.Cri(str(machine.path(CONTAINERD_SOCKET)))
        self.decode = cri.decode
        self.pods: dict[str, dict[int, Any]] = {}

    @classmethod
    def set_up(cls, machine: Machine) -> None:
        """Start the daemon, and import the image into the plugin's namespace."""
        start_containerd(machine)
        write_oci_archive(machine.path("/mnt/box-cri.tar"), machine.path("/mnt/box.tar"), IMAGE)
        machine.ok("ctr", "--namespace", "k8s.io", "images", "import", "/mnt/box-cri.tar")
        engine = cls(machine, "runc")
        wait_for(machine, lambda: 1 in engine.call("ImageStatus", {1: {1: IMAGE}}, service=cri.IMAGES), "the image")

    def pod(self) -> str:
        """A running pod on the node's network; its id."""
        name = f"pod{next(_names)}"
        options = {1: {1: _NODE_NAMESPACE}}
        config = {1: {1: name, 2: name, 3: "default"}, 3: f"/mnt/tmp/{name}", 8: {2: options}}
        pod: str = self.call("RunPodSandbox", {1: config, 2: self.runtime})[1][0].decode()
        self.pods[pod] = config
        return pod

    def container(self, pod: str, *words: str, memory_bytes: int = 0, user: int = 0) -> str:
        """A started container in it; its id."""
        security = {3: {1: _NODE_NAMESPACE}, 5: {1: user}}
        linux = {1: {4: memory_bytes, 10: memory_bytes}, 2: security}
        config = {1: {1: f"c{next(_names)}"}, 2: {1: IMAGE}, 3: list(words), 11: "log", 15: linux}
        made: str = self.call("CreateContainer", {1: pod, 2: config, 3: self.pods[pod]})[1][0].decode()
        self.names.append(made)
        self.call("StartContainer", {1: made})
        return made

    def log(self, container: str) -> str:
        """What it has said."""
        status = cri.decode(self.call("ContainerStatus", {1: container})[1][0])
        return self.machine.path(status[15][0].decode()).read_text()

    def clean(self) -> None:
        for pod in self.pods:
            self.call("StopPodSandbox", {1: pod})
            self.call("RemovePodSandbox", {1: pod})
        self.call.close()


def start_containerd(machine: Machine) -> None:
    """A containerd that answers ``ctr``, unless it does already; it ends with the machine."""
    if machine.path(CONTAINERD_SOCKET).exists():
        return
    paths = {"runf": RUNF, "runc": "runc", "crun": "crun"}
    runtimes = (_CRI_RUNTIME.format(name=name, path=path) for name, path in paths.items())
    machine.write("/mnt/etc/containerd.toml", "".join((_CONTAINERD_CONF, *runtimes)))
    log = machine.path("/mnt/containerd.log").open("w")
    daemon = machine.start("containerd", "-c", "/mnt/etc/containerd.toml", stdin=subprocess.DEVNULL, stderr=log)
    log.close()

    def answers() -> bool:
        assert daemon.poll() is None, machine.path("/mnt/containerd.log").read_text()
        return machine("ctr", "version").returncode == 0

    wait_for(machine, answers, "an answer of containerd")


ENGINES: dict[str, type[Podman | Docker | Containerd | CriEngine | Buildah]] = {
    PODMAN: Podman,
    PODMAN_USER: RootlessPodman,
    DOCKER: Docker,
    CONTAINERD: Containerd,
    CRI: CriEngine,
    BUILDAH: Buildah,
}
