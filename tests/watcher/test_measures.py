"""What containers use, as JSON and as metrics: read from real cgroups, judged by promtool and a real Prometheus."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from runtime.store.record import advance
from tests.support.cgroups import Groups
from tests.support.containers import wait_until
from tests.support.needs import needs
from tests.support.records import LATER, commit, process_of
from tests.support.records import publish as publish_record
from tests.support.watching import SCHEMAS, TIMEOUT_S, reading
from watcher.metrics import cgroup_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.store.store import Store
    from tests.support.watching import Watcher

MIB = 1 << 20
HOSTILE = 'a "quoted"\\\nimage'


def metrics_of(watching: Watcher) -> dict[str, float]:
    """Every sample by its name and labels."""
    with reading(watching.get("/metrics")) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = answer.text().split("\n")
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] not in ("", "#"))
    }


def of(found: dict[str, float], name: str, /, **labels: str) -> float | None:
    """The one sample of that name with these labels; None where there is none."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    values = [
        value for key, value in found.items() if key.split("{")[0] == name and all(each in key for each in wanted)
    ]
    assert len(values) < 2, (name, values)
    return values[0] if values else None


@needs("root", "cgroups")
def test_usage_is_what_the_cgroup_counts(store: Store, watcher: Any, child: Any, groups: Groups) -> None:
    plan = groups.made(memory={"limit": 64 * MIB}, pids={"limit": 10})
    member = groups.join(plan)
    run_in(store, groups, child().identity)
    watching = watcher()
    (found,) = watching.get("/v1/usage").document()
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / "usage.schema.json").read_text())).validate(found)
    assert (found["id"], found["root"], found["tasks"]) == ("web", store.root, 1)
    assert found["memoryLimitBytes"] == 64 * MIB
    assert 0 <= found["workingSetBytes"] <= found["memoryBytes"] < 64 * MIB
    assert found["oomKills"] == 0
    metrics = metrics_of(watching)
    assert of(metrics, "container_threads", name="web") == 1
    assert of(metrics, "container_spec_memory_limit_bytes", name="web") == 64 * MIB
    assert of(metrics, "container_cpu_usage_seconds_total", name="web", cpu="total") is not None
    assert of(metrics, "container_oom_events_total", name="web") == 0
    assert member.pid


def run_in(store: Store, groups: Groups, process: Any) -> None:
    """A running container in the cgroup that was made last."""
    record = publish_record(store)
    linux = {"cgroup": groups.records[0], "namespaces": {}}
    with store.locked("web") as held:
        held.commit(advance(record, now=LATER, linux=linux, status="created", process=process, pid=process["pid"]))
        held.commit(advance(held.record, now=LATER, status="running", happenings=("started",)))


def test_of_a_container_without_cgroups_nothing_is_invented(store, watcher, child):
    publish_record(store)
    process = child()
    commit(store, process=process.identity, pid=process.pid, status="created")
    commit(store, status="running", happenings=("started",))
    watching = watcher()
    assert watching.get("/v1/usage").document() == []
    found = metrics_of(watching)
    assert of(found, "container_state", name="web", state="running") == 1
    assert of(found, "container_state", name="web", state="stopped") == 0
    assert of(found, "container_start_time_seconds", name="web") == 1769903999.5
    for name in ("container_last_seen", "container_memory_usage_bytes", "container_exit_code", "container_threads"):
        assert of(found, name, name="web") is None


def test_an_end_is_in_the_metrics_and_is_counted_once(store, watcher, child):
    publish_record(store)
    process = child()
    commit(store, process=process.identity, pid=process.pid, status="created", happenings=("created",))
    commit(store, status="running", happenings=("started",))
    watching = watcher()
    with reading(watching.get("/v1/events?type=stopped")) as stream:
        stream.event()
        process.end(7)
        finished = stream.event()["data"]["finished"]
    found = metrics_of(watching)
    assert of(found, "container_exit_code", name="web") == 7
    assert of(found, "container_state", name="web", state="stopped") == 1
    assert int(of(found, "container_finished_time_seconds", name="web") or 0) == int(seconds_of(finished))
    assert of(found, "container_exits_total", reason="error") == 1
    assert of(found, "runf_watcher_events_total", type="stopped") == 1
    assert (of(found, "runf_watcher_lag_seconds_count") or 0) >= 1


def seconds_of(time: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(time[:19] + "+00:00").timestamp()


@needs("program:promtool")
def test_promtool_finds_nothing_to_criticise(store, watcher):
    publish_record(store, annotations={"org.opencontainers.image.ref.name": HOSTILE})
    commit(store, process=process_of(), pid=4242, status="created", happenings=("created",))
    with reading(watcher("--read-only").get("/metrics")) as answer:
        text = answer.text()
    assert '\\"quoted\\"\\\\\\nimage"' in text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs("program:prometheus")
def test_a_real_prometheus_scrapes_it(store, watcher, tmp_path):
    publish_record(store, annotations={"org.opencontainers.image.ref.name": HOSTILE})
    commit(store, process=process_of(), pid=4242, status="created", happenings=("created",))
    watching = watcher("--read-only", "--listen", "127.0.0.1:0")
    with prometheus(tmp_path, watching.address) as ask:
        wait_until(lambda: ask("up") == [(watching.address, "1")], "a scrape", TIMEOUT_S)
        state = 'container_state{name="web",state="created"}'
        assert ask(state) == [(watching.address, "1")]
        assert ask(f"count({{__name__=~'container_.+',image={json.dumps(HOSTILE)}}}) > 0")


@contextlib.contextmanager
def prometheus(place: Path, target: str) -> Iterator[Any]:
    """A Prometheus that scrapes ``target`` each second; what is yielded asks it, and gives (target, value) each."""
    config = {
        "scrape_configs": [{"job_name": "runf", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}]
    }
    (place / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    argv = ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    process = subprocess.Popen(
        [*argv, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def ask(query: str) -> list[tuple[str, str]]:
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return []  # it is still starting
        return [(each["metric"].get("instance", ""), each["value"][1]) for each in found]

    try:
        yield ask
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("version", "paths", "expected"),
    [
        (2, {"unified": "/sys/fs/cgroup/machine.slice/web"}, "/machine.slice/web"),
        (1, {"memory": "/sys/fs/cgroup/memory/pods/web", "pids": "/sys/fs/cgroup/pids/pods/web"}, "/pods/web"),
        (1, {"pids": "/sys/fs/cgroup/pids/web"}, "/web"),
        (1, {"memory": "/elsewhere/web"}, "/elsewhere/web"),
        (1, {}, ""),
    ],
)
def test_the_id_is_the_cgroups_path_in_its_hierarchy(version, paths, expected):
    record: Any = {"linux": {"cgroup": {"version": version, "paths": paths, "scope": None}}}
    assert cgroup_id(record) == expected
