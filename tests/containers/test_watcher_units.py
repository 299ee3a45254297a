"""The units of docs/systemd under the systemd that is at work here: confined as they are shipped, under other names."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.kernel.process import set_child_subreaper
from tests.support.containers import REPOSITORY, Runf, make_container_bundle, wait_until
from tests.support.forked import in_child
from tests.support.needs import needs
from tests.support.session import unique_name
from tests.support.systemd import shown, systemctl
from tests.support.watching import Answer, short

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
UNITS = REPOSITORY / "docs" / "systemd"
ENTRY = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from watcher.__main__ import main; main()"
TAKEN = 75
WATCHDOG_S = 60
PATIENT = "RestartSec=0\nTimeoutStartSec=infinity\n"  # an emulated machine needs minutes to import a program
pytestmark = needs("systemd")


class Installed:
    """The unit files as shipped, with a name, a root and a socket of their own; what a drop-in adds is the tests'."""

    def __init__(self, place: Path) -> None:
        is_root = os.geteuid() == 0
        runtime = Path("/run" if is_root else os.environ["XDG_RUNTIME_DIR"])
        self.name = unique_name()
        self.units = runtime / "systemd" / ("system" if is_root else "user")
        self.place = runtime / self.name
        self.runf = Runf(self.place)
        self.socket = self.place / "watcher.sock"
        self.log = self.place / "log"
        self.config = self.place / "watcher.toml"
        self.bundle = place / "bundle"
        self.service = f"{self.name}.service"
        self.place.mkdir(mode=0o755)
        self.config.write_text("")

    def install(self, *, name: str = "") -> str:
        """Another name of the service is another watcher of the same root."""
        directory = UNITS if os.geteuid() == 0 else UNITS / "user"
        service = name or self.service
        text = (directory / "runf-watcher.service").read_text()
        argv = f'{sys.executable} -I -c "{ENTRY}" --root {self.runf.root} --socket {self.socket} --config {self.config}'
        text = text.replace("ExecStart=runf-watcher", f"ExecStart={argv}").replace("=kill ", "=/bin/kill ")
        self.units.mkdir(parents=True, exist_ok=True)
        (self.units / service).write_text(f"{text}\n[Service]\nStandardError=append:{self.log}\n{PATIENT}")
        systemctl("daemon-reload")
        return service

    def install_socket(self) -> str:
        text = (UNITS / "runf-watcher.socket").read_text()
        text = text.replace("/run/opencontainer/watcher.sock", str(self.socket)).replace(
            "SocketGroup=opencontainer", ""
        )
        (self.units / f"{self.name}.socket").write_text(text)
        systemctl("daemon-reload")
        return f"{self.name}.socket"

    def clean(self) -> None:
        for unit in self.units.glob(f"{self.name}*"):
            systemctl("stop", unit.name)
            unit.unlink()
            systemctl("reset-failed", unit.name)
        systemctl("daemon-reload")
        self.runf.clean()
        shutil.rmtree(self.place, ignore_errors=True)

    def main_pid(self) -> int:
        return int(shown(self.service, "MainPID")["MainPID"])


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    made = Installed(tmp_path)
    made.bundle.mkdir()
    try:
        yield made
    finally:
        made.clean()


def test_it_is_ready_when_started_follows_confined_reloads_and_stops(installed: Installed) -> None:
    service = installed.install()
    systemctl("start", service)
    assert shown(service, "ActiveState", "SubState", "Type", "NotifyAccess") == {
        "ActiveState": "active",
        "SubState": "running",
        "Type": "notify",
        "NotifyAccess": "main",
    }, installed.log.read_text()
    runf = installed.runf
    stream = Answer(str(installed.socket), "/v1/events")
    path = make_container_bundle(installed.bundle, "sh", "-c", "exit 7")

    def live() -> None:
        set_child_subreaper(True)  # it stays a zombie of ours: where the kernel keeps no codes, that one tells it
        runf.ok("run", "-d", "-b", path, "one")
        wait_until(lambda: runf.record("one")["status"] == "stopped", "the watcher records its end")

    in_child(live)
    events = stream.events(3)
    assert [short(event) for event in events] == ["created", "started", "stopped"]
    # an ordinary user may not look at the zombie everywhere
    assert events[-1]["data"]["exit"]["code"] in ((7,) if os.geteuid() == 0 else (7, None))
    installed.config.write_text("[subscribers]\nqueue = 9\n")
    systemctl("reload", service)
    wait_until(lambda: "reloaded" in installed.log.read_text(), "it reloads")
    assert shown(service, "ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    runf.ok("delete", "one")
    assert short(stream.event()) == "deleted"
    systemctl("stop", service)
    stream.close()
    assert shown(service, "ActiveState", "Result", "ExecMainStatus") == {
        "ActiveState": "inactive",
        "Result": "success",
        "ExecMainStatus": "0",
    }


@needs("root", "real cgroup2 controller:memory")
def test_confined_it_tells_of_each_container_that_lacked_memory(installed: Installed) -> None:
    systemctl("start", installed.install())
    stream = Answer(str(installed.socket), "/v1/events?type=oom")

    def limit(config: dict[str, object]) -> None:
        config["linux"]["resources"]["memory"] = {"limit": 16 * MIB, "swap": 16 * MIB}  # type: ignore[index]

    script = "tail /dev/zero; sleep 600"
    path = make_container_bundle(installed.bundle, "sh", "-c", script, change=limit)
    installed.runf.ok("run", "-d", "-b", path, "one")
    event = stream.event()
    assert (short(event), event["data"]["linux"]["oomKills"]) == ("oom", 1)
    stream.close()


def test_pidfds_outlive_a_watcher_that_is_killed(installed: Installed) -> None:
    """They go when their containers end; the socket that takes them stays."""
    service = installed.install()
    systemctl("start", service)
    runf = installed.runf
    for name in ("one", "two"):
        runf.ok("run", "-d", "-b", make_container_bundle(installed.bundle / name, "sleep", "600"), name)

    def kept() -> int:
        return int(shown(service, "NFileDescriptorStore")["NFileDescriptorStore"])

    wait_until(lambda: kept() == 3, "both are kept, and the socket")
    pid = installed.main_pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: installed.main_pid() not in (0, pid), "another one")
    wait_until(lambda: installed.log.read_text().count("following") == 2, "it follows")
    assert kept() == 3
    for name in ("one", "two"):
        runf.ok("delete", "--force", name)
    wait_until(lambda: kept() == 1, "the socket alone is kept", 60)


def test_a_watcher_that_hangs_is_started_anew(installed: Installed) -> None:
    service = installed.install()
    systemctl("start", service)
    assert shown(service, "WatchdogUSec") == {"WatchdogUSec": "1min"}
    before = shown(service, "WatchdogTimestampMonotonic")
    wait_until(lambda: shown(service, "WatchdogTimestampMonotonic") != before, "it is heard of", 2 * WATCHDOG_S)
    first = installed.main_pid()
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: shown(service, "NRestarts")["NRestarts"] != "0", "it is started anew", 2 * WATCHDOG_S)
    wait_until(lambda: shown(service, "ActiveState")["ActiveState"] == "active", "it is ready again")
    assert installed.main_pid() != first
    assert Answer(str(installed.socket), "/healthz").status == 200


def test_a_second_watcher_of_one_root_is_not_tried_again(installed: Installed) -> None:
    systemctl("start", installed.install())
    second = installed.install(name=f"{installed.name}-second.service")
    systemctl("start", second)
    assert shown(second, "ActiveState", "ExecMainStatus", "NRestarts") == {
        "ActiveState": "failed",
        "ExecMainStatus": str(TAKEN),
        "NRestarts": "0",
    }
    assert shown(installed.service, "ActiveState") == {"ActiveState": "active"}


@needs("root")
def test_who_connects_has_it_started_and_keeps_the_socket(installed: Installed) -> None:
    service, listening = installed.install(), installed.install_socket()
    systemctl("start", listening)
    assert shown(service, "ActiveState") == {"ActiveState": "inactive"}
    assert Answer(str(installed.socket), "/healthz").status == 200
    assert shown(service, "ActiveState", "TriggeredBy") == {"ActiveState": "active", "TriggeredBy": listening}
    systemctl("stop", service)
    assert installed.socket.is_socket()
    assert Answer(str(installed.socket), "/healthz").status == 200
