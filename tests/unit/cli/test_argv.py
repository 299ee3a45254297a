"""The fast reader: what containerd, podman, CRI-O and buildah send, and what it leaves to click."""

from __future__ import annotations

import pytest

from runtime.cli import argv
from runtime.cli.options import Parsed, defaults
from runtime.cli.table import GLOBALS


def parsed(line: str) -> Parsed:
    found = argv.read(line.split())
    assert found is not None, line
    return found


@pytest.mark.parametrize(
    "line",
    [
        "--root /run/containerd/runc/k8s.io --log /b/l --log-format json create --bundle /b --pid-file /b/init.pid x1",
        "--root /r --log /b/log.json --log-format json --systemd-cgroup create --bundle /b --pid-file /p --no-pivot x1",
        "--log-format=json --log /c/oci-log create --bundle /b --pid-file /p --console-socket /s --preserve-fds 2 x1",
        "--cgroup-manager disabled create --bundle /b --pid-file /p --no-new-keyring x1",
        "--root /r run -d -no-subreaper --bundle /b x1",
        "start x1",
        "state x1",
        "kill x1 15",
        "kill --all x1 9",
        "kill -a x1 9",
        "kill x1 KILL",
        "delete x1",
        "delete --force x1",
        "list -f json",
        "list -q",
    ],
)
def test_what_callers_send_needs_no_click(line: str) -> None:
    assert argv.read(line.split()) is not None


def test_containerds_create_is_read_option_by_option() -> None:
    found = parsed("--root /r --log /l --log-format json create --bundle /b --pid-file /p --console-socket /s x1")
    assert found.command == "create"
    assert found.arguments == ("x1",)
    assert found.globals == {**defaults(GLOBALS), "root": "/r", "log": "/l", "log-format": "json"}
    assert (found.options["bundle"], found.options["pid-file"], found.options["console-socket"]) == ("/b", "/p", "/s")


@pytest.mark.parametrize("spelt", ["--bundle /b", "--bundle=/b", "-bundle /b", "-bundle=/b", "-b /b", "-b=/b"])
def test_an_option_is_spelt_with_one_dash_or_two_and_with_or_without_an_equals_sign(spelt: str) -> None:
    assert parsed(f"create {spelt} x1").options["bundle"] == "/b"


def test_options_may_follow_the_arguments() -> None:
    found = parsed("kill x1 --all TERM")
    assert found.arguments == ("x1", "TERM")
    assert found.options["all"] is True


def test_after_two_dashes_everything_is_an_argument() -> None:
    assert parsed("state -- --force").arguments == ("--force",)


def test_a_value_may_look_like_an_option() -> None:
    assert parsed("list --annotation -owner").options["annotation"] == ("-owner",)


def test_the_last_of_two_values_counts_and_a_list_keeps_both() -> None:
    found = parsed("list -f table -f json --owner a --owner b")
    assert found.options["format"] == "json"
    assert found.options["owner"] == ("a", "b")


def test_what_one_reading_collects_is_not_in_the_next() -> None:
    parsed("list --owner a")
    assert parsed("list").options["owner"] == ()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "--version",
        "create --help",
        "create -h",
        "help",
        "spec",
        "completion bash",
        "frobnicate x1",
        "create",
        "create x1 x2",
        "list x1",
        "kill x1 TERM more",
        "create --bundl /b x1",
        "create --bundle",
        "delete --force=true x1",
        "delete -fx x1",
        "list -fjson",
        "list --format xml",
        "list --status runing",
        "create --preserve-fds two x1",
        "create --preserve-fds -1 x1",
        "create --preserve-fds ٣ x1",
        "--log-format xml list",
        "--bundle /b create x1",
        "list --root /r",
        "-- list",
        "--root",
    ],
)
def test_anything_unusual_is_left_to_click(line: str) -> None:
    assert argv.read(line.split()) is None


def test_a_number_of_thousands_of_digits_is_left_to_click() -> None:
    assert argv.read(["create", "--preserve-fds", "9" * 5000, "x1"]) is None


def test_the_log_is_known_even_where_the_command_line_is_wrong() -> None:
    values, place = argv.read_globals(["--log", "/l", "--log-format", "json", "create", "--bundl"])
    assert (values["log"], values["log-format"], place) == ("/l", "json", 4)
    values, place = argv.read_globals(["--log", "/l", "--lgo"])
    assert (values["log"], place) == ("/l", None)
