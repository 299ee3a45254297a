"""The commands on a root whose file system is full, of blocks, of inodes or of both: nothing false, and all can end."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.kernel import mount, procfs
from tests.support.containers import Runf, make_container_bundle, wait_until
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.needs("root")

SIZE = "size=1m,nr_inodes=100"


@pytest.fixture
def runf() -> Iterator[Runf]:
    """The command line on a root that lies on a small tmpfs; the bundles lie elsewhere."""
    place = Path(tempfile.mkdtemp(prefix="runf-"))
    place.chmod(0o755)
    made = Runf(place)
    (place / "small").mkdir()
    made.root = place / "small" / "root"
    subprocess.run(["mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", str(place / "small")], check=True)
    try:
        yield made
    finally:
        empty(made)
        for entry in made.root.iterdir():
            if not entry.name.startswith("."):
                made("delete", "--force", entry.name)
        mount.umount2(str(place / "small"), mount.MNT_DETACH)
        made.clean()


def fill_blocks(runf: Runf) -> None:
    with (runf.root.parent / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017 - the end of the loop, not the subject


def fill_inodes(runf: Runf) -> None:
    try:
        for number in range(1000):
            (runf.root.parent / f"filler{number}").touch()
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017 - the end of the loop, not the subject


def fill_both(runf: Runf) -> None:
    fill_inodes(runf)
    (runf.root.parent / "filler0").rename(runf.root.parent / "filler")
    fill_blocks(runf)


def empty(runf: Runf) -> None:
    for file in runf.root.parent.glob("filler*"):
        file.unlink()


FILLERS = [fill_blocks, fill_inodes, fill_both]


def kill(runf: Runf, name: str) -> None:
    runf.ok("kill", name, "KILL")
    wait_until(lambda: runf.state(name)["status"] == "stopped", "its end")


@pytest.mark.parametrize("fill", FILLERS)
def test_containers_that_are_there_go_their_way(runf: Runf, bundle: Path, fill: Callable[[Runf], None]) -> None:
    path = make_container_bundle(bundle, "sleep", "600")
    runf.ok("create", "-b", path, "one")
    fill(runf)
    runf.ok("start", "one")
    assert runf.state("one")["status"] == "running"
    runf.ok("pause", "one")
    assert runf.record("one")["status"] == "paused"
    runf.ok("resume", "one")
    kill(runf, "one")
    assert runf.record("one")["status"] == "stopped"
    runf.ok("delete", "one")
    assert runf.ok("list", "-q") == ""
    (last,) = runf.last_records()
    assert [each["type"] for each in last["transitions"]][-1] == "deleted"


@pytest.mark.parametrize("fill", FILLERS)
def test_a_create_fails_with_the_reason_and_leaves_nothing(
    runf: Runf, bundle: Path, fill: Callable[[Runf], None]
) -> None:
    runf("delete", "--force", "nobody")
    runf.ok("create", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
    fill(runf)
    other = bundle / "other"
    path = make_container_bundle(other, "sleep", "600")
    cgroup = json.loads((other / "config.json").read_text())["linux"]["cgroupsPath"][1:]
    refused = runf("create", "-b", path, "two")
    told = f"runf: the state root {runf.root} can't take the container: No space left on device; make room there, "
    assert (refused.returncode, refused.stderr) == (1, f"{told}or name another with --root\n")
    assert runf.ok("list", "-q") == "one\n"
    assert os.listdir(runf.root / ".staging") == [".sweep"]
    assert list(Path("/sys/fs/cgroup").glob(f"*/{cgroup}")) == []
    assert [each for each in procfs.mounts("/proc") if each.mount_point.startswith(str(bundle))] == []
    empty(runf)
    runf.ok("create", "-b", path, "two")


@pytest.mark.parametrize("fill", FILLERS)
def test_a_foreground_run_records_its_exit_code(runf: Runf, bundle: Path, fill: Callable[[Runf], None]) -> None:
    script = f"echo > {bundle}/runs; while [ ! -e {bundle}/go ]; do sleep 0.05; done; exit 7"

    def change(config: dict[str, object]) -> None:
        mounts = config["mounts"]
        assert isinstance(mounts, list)
        mounts.append({"destination": str(bundle), "type": "none", "source": str(bundle), "options": ["bind", "rw"]})

    path = make_container_bundle(bundle, "sh", "-c", script, change=change)
    running = subprocess.Popen(runf.argv("run", "-b", path, "one"), stderr=subprocess.PIPE, text=True)
    wait_until((bundle / "runs").exists, "the program")
    wait_until(lambda: runf.record("one")["status"] == "running", "the commit")
    fill(runf)
    (bundle / "go").touch()
    _, told = running.communicate(timeout=20)
    assert (running.returncode, told) == (7, "")
    (last,) = runf.last_records()
    assert last["exit"]["code"] == 7


@pytest.mark.parametrize("fill", FILLERS)
def test_the_watcher_records_the_code_and_tells_it(
    runf: Runf, bundle: Path, fill: Callable[[Runf], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    watcher = Watcher(str(runf.root), "--socket", str(runf.place / "watcher.sock"))
    try:
        assert "following" in watcher.wait_ready()
        runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sleep", "600"), "one")
        fill(runf)
        runf.ok("kill", "one", "KILL")
        wait_until(lambda: runf.record("one")["exit"]["code"] == 137, "the commit of the exit code")
        runf.ok("delete", "one")
        (last,) = runf.last_records()
        assert last["exit"] == {"code": 137, "signal": 9, "oomKilled": last["exit"]["oomKilled"]}
    finally:
        watcher.clean_up()
