"""The commands that change nothing in the kernel: what they print, and how they refuse."""

from __future__ import annotations

import json
import os
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runtime.cli import entry
from runtime.cli.inherited import listen_fds
from runtime.cli.making import request_of
from runtime.cli.options import Parsed, defaults
from runtime.cli.table import GLOBALS, find_command
from runtime.errors import BadRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., SimpleNamespace]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*words: str) -> SimpleNamespace:
        status = entry.answer(["/bin/runf", "--root", str(tmp_path / "root"), *words])
        printed = capsys.readouterr()
        return SimpleNamespace(status=status, out=printed.out, err=printed.err)

    return command


def container(container_id: str, **members: object) -> dict[str, object]:
    return {
        "id": container_id,
        "pid": 42,
        "status": "running",
        "bundle": "/b",
        "created": "2026-01-31T23:59:59.000000001Z",
        "owner": "root",
        **members,
    }


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Have ``list`` find these containers and faults; what it asked for is in the dict that this returns."""

    def find(*containers: dict[str, object], faults: tuple[BadRecord, ...] = ()) -> dict[str, Any]:
        asked: dict[str, Any] = {}

        def listing(_: object, *, filters: object, brief: bool) -> tuple[list[dict[str, object]], list[BadRecord]]:
            asked["filters"] = filters
            return list(containers), list(faults)

        monkeypatch.setattr("runtime.cli.commands.list.listing", listing)
        return asked

    return find


def test_an_empty_list_is_an_empty_array(run: Run) -> None:
    assert run("list", "--format", "json").out == "[]\n"
    assert run("list", "--quiet").out == ""
    assert run("list").out.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]


def test_the_table_has_a_line_for_each_container_in_straight_columns(run: Run, listed: Callable[..., Any]) -> None:
    listed(container("a"), container("a-long-name", pid=0, status="stopped"))
    head, *rows = run("list").out.splitlines()
    assert [row.split() for row in rows] == [
        ["a", "42", "running", "/b", "2026-01-31T23:59:59.000000001Z", "root"],
        ["a-long-name", "0", "stopped", "/b", "2026-01-31T23:59:59.000000001Z", "root"],
    ]
    assert {line.index(word) for line, word in zip([head, *rows], ["STATUS", "running", "stopped"], strict=True)} == {
        head.index("STATUS")
    }


def test_a_path_that_would_drive_the_terminal_is_escaped_in_the_table(run: Run, listed: Callable[..., Any]) -> None:
    listed(container("a", bundle="/b\n\x1b[2J"))
    assert "/b\\n\\x1b[2J" in run("list").out


def test_the_json_list_holds_the_whole_records(run: Run, listed: Callable[..., Any]) -> None:
    records = [container("a", bundle="/é\n"), container("b")]
    listed(*records)
    found = run("list", "-f", "json").out
    assert json.loads(found) == records
    assert found.isascii()


def test_quiet_prints_ids_only_whatever_the_format(run: Run, listed: Callable[..., Any]) -> None:
    listed(container("a"), container("b"))
    assert run("list", "-q", "-f", "json").out == "a\nb\n"


def test_an_unreadable_record_is_named_and_the_list_is_whole(run: Run, listed: Callable[..., Any]) -> None:
    listed(container("a"), faults=(BadRecord("broken", "not JSON"),))
    found = run("list", "-q")
    assert (found.status, found.out) == (0, "a\n")
    assert found.err.startswith('runf: warning: the record of container "broken" is unreadable: not JSON')


def test_filters_reach_the_listing_as_they_were_given(run: Run, listed: Callable[..., Any]) -> None:
    asked = listed()
    run("list", "--owner=a", "--owner=b", "--status=running", "--annotation=k", "--annotation=k2=v=w", "--runtime=crun")
    filters = asked["filters"]
    assert (filters.owners, filters.statuses, filters.runtimes) == (("a", "b"), ("running",), ("crun",))
    assert filters.annotations == {"k": None, "k2": "v=w"}


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.errors import NoSuchContainer

    def state(_: object, container_id: str) -> dict[str, object]:
        if container_id.startswith("gone"):
            raise NoSuchContainer(container_id)
        return container(container_id)

    monkeypatch.setattr("runtime.cli.commands.state.state", state)


@pytest.mark.usefixtures("states")
def test_one_state_is_an_object_and_several_are_an_array(run: Run) -> None:
    assert json.loads(run("state", "a").out) == container("a")
    assert json.loads(run("state", "a", "b").out) == [container("a"), container("b")]


@pytest.mark.usefixtures("states")
def test_a_state_that_is_gone_does_not_hide_the_others(run: Run) -> None:
    found = run("state", "a", "gone-1", "b")
    assert [record["id"] for record in json.loads(found.out)] == ["a", "b"]
    assert (found.status, found.err) == (1, 'runf: container "gone-1" does not exist\n')


@pytest.mark.usefixtures("states")
def test_several_missing_states_are_one_line(run: Run) -> None:
    found = run("state", "gone-1", "gone-2")
    assert found.err == 'runf: container "gone-1" does not exist, and container "gone-2" does not exist\n'


@pytest.mark.parametrize("command", ["state", "start", "kill", "delete"])
def test_a_container_that_does_not_exist_is_named(run: Run, command: str) -> None:
    found = run(command, "nobody")
    assert (found.status, found.err) == (1, 'runf: container "nobody" does not exist\n')


def test_forced_deletion_of_nothing_is_fine(run: Run) -> None:
    assert run("delete", "--force", "nobody").status == 0


@pytest.mark.parametrize(
    ("words", "number"), [((), 15), (("9",), 9), (("KILL",), 9), (("--signal", "SIGHUP"), 1), (("--signal=2",), 2)]
)
def test_kill_takes_its_signal_from_an_option_or_an_argument(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], number: int
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("runtime.cli.commands.kill.kill", lambda _, __, signal, *, everyone: sent.append(signal))
    assert run("kill", "a", *words).status == 0
    assert sent == [number]


def test_kill_refuses_two_signals_and_an_empty_one(run: Run) -> None:
    assert run("kill", "a", "TERM", "--signal", "KILL").err == "runf: two signals were named: KILL and TERM; name one\n"
    assert run("kill", "a", "--signal", "").err.startswith('runf: unknown signal ""')


def test_spec_writes_a_config_that_runs_what_was_named(run: Run, tmp_path: Path) -> None:
    bundle = tmp_path / "made" / "bundle"
    found = run("spec", "--rootless", "--host-usr", "--bundle", str(bundle), "--", "sh", "-c", "exit 3")
    assert (found.status, found.err) == (0, "")
    config = json.loads((bundle / "config.json").read_text())
    assert config["process"]["args"] == ["sh", "-c", "exit 3"]
    assert config["process"]["terminal"] is False
    assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    assert (bundle / "rootfs").is_dir()


def test_spec_without_a_command_is_a_shell_on_a_terminal(run: Run, tmp_path: Path) -> None:
    run("spec", "--bundle", str(tmp_path))
    process = json.loads((tmp_path / "config.json").read_text())["process"]
    assert (process["args"], process["terminal"]) == (["sh"], True)
    assert not (tmp_path / "rootfs").exists()


def test_spec_replaces_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("mine")
    found = run("spec", "--bundle", str(tmp_path))
    assert (found.status, (tmp_path / "config.json").read_text()) == (1, "mine")
    assert found.err == (f"runf: {tmp_path}/config.json exists already; remove it first, or name another --bundle\n")


def test_spec_names_a_file_that_lies_in_the_bundles_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = run("spec", "--bundle", str(tmp_path / "file"))
    assert found.err == f"runf: {tmp_path}/file exists, and is no directory; name another --bundle\n"


def making(line: str, command: str = "create") -> Parsed:
    options = defaults(find_command(command).options)  # type: ignore[union-attr]
    asked = defaults(GLOBALS)
    for word in line.split():
        name, _, value = word.partition("=")
        (asked if name in asked else options)[name] = value or True
    return Parsed(command, asked, options, ("x1",))


@pytest.mark.parametrize("line", ["systemd-cgroup", "cgroup-manager=systemd"])
def test_systemd_is_asked_for_in_the_words_of_runc_and_of_crun(line: str) -> None:
    assert request_of(making(line)).systemd_cgroup
    assert not request_of(making("cgroup-manager=cgroupfs")).systemd_cgroup


@pytest.mark.parametrize("line", ["", "cgroup-manager=cgroupfs", "rootless=true"])
def test_create_takes_what_changes_nothing(line: str) -> None:
    assert request_of(making(line)).bundle == "."


@pytest.mark.parametrize("command", ["delete --force", "state", "kill"])
def test_no_clean_up_is_refused_for_the_sake_of_systemd(run: Run, command: str) -> None:
    assert "systemd" not in run("--systemd-cgroup", *command.split(), "nobody").err


def test_an_empty_bundle_option_is_the_working_directory() -> None:
    assert request_of(making("bundle=")._replace(options={**making("").options, "bundle": ""})).bundle == "."


@pytest.mark.parametrize(
    ("environ", "count"),
    [
        ({}, 0),
        ({"LISTEN_FDS": "2"}, 2),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "7"}, 2),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "8"}, 0),
        ({"LISTEN_FDS": ""}, 0),
        ({"LISTEN_FDS": "-1"}, 0),
        ({"LISTEN_FDS": "9" * 5000}, 0),
    ],
)
def test_listen_fds_passes_on_what_is_meant_for_us(environ: dict[str, str], count: int) -> None:
    assert listen_fds(environ, 7) == count


def test_listen_fds_come_before_the_preserved_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.delenv("LISTEN_PID", raising=False)
    parsed = making("")
    request = request_of(parsed._replace(options={**parsed.options, "preserve-fds": 3}))
    assert (request.listen_fds, request.preserve_fds) == (2, 3)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_for_the_shell(run: Run, shell: str) -> None:
    found = run("completion", shell)
    assert found.status == 0
    assert f"{shell}_complete" in found.out


def test_help_is_what_the_option_shows(run: Run) -> None:
    assert run("help", "run").out == run("run", "--help").out
    assert run("help").out == run("--help").out
    assert re.match(r"runf: no such command 'nothing'", run("help", "nothing").err)
