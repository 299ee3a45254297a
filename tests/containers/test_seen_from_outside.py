"""What others see of lives: inotifywait, jq, fifty rivals, a subscriber."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from runtime import jsontext
from schemas.generated import state as state_schema
from tests.support.containers import Runf, make_container_bundle
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from pathlib import Path

LIVES = 200
RIVALS = 50


@pytest.mark.needs("program:inotifywait")
def test_each_life_arrives_once_and_departs_once(runf: Runf, bundle: Path) -> None:
    path = make_container_bundle(bundle, "true")
    runf("run", "-b", path, "first")  # makes the root
    watch = subprocess.Popen(
        ["inotifywait", "-m", "-e", "moved_to,moved_from,create,delete", "--format", "%w %e %f", str(runf.root)]
        + [str(runf.root / ".staging")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watch.stderr is not None
    assert watch.stdout is not None
    while "established" not in watch.stderr.readline():
        pass
    for number in range(3):
        assert runf("run", "-b", path, f"life-{number}").returncode == 0
    (runf.root / "end").mkdir()
    seen: list[tuple[str, str, str]] = []
    for line in watch.stdout:
        place, event, name = line.split(" ", 2)
        if name.strip() == "end":
            break
        seen.append((place, event.split(",")[0], name.strip()))
    watch.terminate()
    watch.wait()
    (runf.root / "end").rmdir()
    for number in range(3):
        name = f"life-{number}"
        on_root = [event for place, event, found in seen if not place.endswith(".staging/") and found == name]
        assert on_root == ["MOVED_TO", "MOVED_FROM"]
        last = next(record for record in runf.last_records() if record["id"] == name)
        commits = [
            int(found.rsplit(".", 1)[1])
            for place, event, found in seen
            if place.endswith(".staging/") and event == "MOVED_FROM" and found.startswith(f"{name}.{last['instance']}.")
        ]
        assert commits == list(range(2, last["generation"] + 1))


@pytest.mark.needs("program:jq")
def test_jq_never_meets_a_half_record_during_many_lives(runf: Runf, bundle: Path) -> None:
    paths = [make_container_bundle(bundle / str(number), "sleep", "0.1") for number in range(8)]
    done = threading.Event()
    read = []

    def live(number: int) -> int:
        return runf("run", "-b", paths[number % 8], f"life-{number}").returncode

    def follow() -> None:
        while not done.is_set():
            for entry in runf.root.glob("[!.]*/state.json"):
                found = subprocess.run(["jq", "-c", ".", str(entry)], capture_output=True, text=True, check=False)
                if found.returncode == 2 and "No such file" in found.stderr:
                    continue  # deleted since the listing
                assert found.returncode == 0, found.stderr
                state_schema.validate(jsontext.decode(found.stdout))
                read.append(entry)

    runf.root.mkdir(mode=0o750)
    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(follow)
        try:
            for start in itertools.count(0, 8):
                if following.done() or (start >= LIVES and len(read) > LIVES // 10):
                    break  # on a busy machine it takes more lives until the reader has met enough of them
                # eight at a time, one for each bundle, since a bundle names its cgroup
                with ThreadPoolExecutor(8) as workers:
                    assert set(workers.map(live, range(start, start + 8))) == {0}
        finally:
            done.set()
        following.result(30)
    assert os.listdir(runf.root / ".staging") == [".sweep"]


def test_fifty_creates_of_one_id_have_one_winner(runf: Runf, bundle: Path) -> None:
    paths = [make_container_bundle(runf.place / f"bundle-{number}", "sleep", "600") for number in range(RIVALS)]
    with ThreadPoolExecutor(RIVALS) as rivals:
        found = list(rivals.map(lambda path: runf("create", "-b", path, "one"), paths))
    assert sorted(done.returncode for done in found) == [0] + [1] * (RIVALS - 1)
    assert all('container "one" already exists' in done.stderr for done in found if done.returncode)
    assert os.listdir(runf.root / ".staging") == [".sweep"]
    assert os.listdir(runf.root / ".deleted") == []
    assert runf.ok("list", "-q") == "one\n"


def test_a_subscriber_learns_the_exit_code_of_a_container_that_nobody_waits_for(
    runf: Runf, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runf.place))
    watcher = Watcher(str(runf.root), "--socket", str(runf.place / "watcher.sock"))
    try:
        assert "following" in watcher.wait_ready()
        argv = runf.argv("events", "--socket", watcher.socket, "--until", "deleted")
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as events:
            runf.ok("run", "-d", "-b", make_container_bundle(bundle, "sh", "-c", "exit 7"), "one")
            assert events.stdout is not None
            seen = []
            for line in events.stdout:
                event = json.loads(line)
                kind = event["type"].removeprefix("org.runf.container.").removesuffix(".v1")
                seen.append((kind, event["data"]["exit"]["code"]))
                if kind == "stopped" or (kind == "snapshot" and event["data"]["status"] == "stopped"):
                    assert runf.record("one")["exit"]["code"] == 7
                    runf.ok("delete", "one")
        assert [code for kind, code in seen if kind in ("stopped", "deleted")][-1] == 7
        assert seen[-1] == ("deleted", 7)
    finally:
        watcher.clean_up()
