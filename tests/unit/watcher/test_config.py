"""The watcher's settings: options, the environment, the file, the defaults; a fault names its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.errors import Fault
from watcher import config
from watcher.config import find_settings
from watcher.hub import QUEUE_LIMIT
from watcher.journal import SEGMENT_LIMIT_BYTES, SEGMENTS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

EVERYTHING = """
root = "/srv/roots/a"
socket = "/run/w.sock"
read_only = true
[journal]
segment_bytes = 65536
segments = 3
[subscribers]
queue = 100
"""


@pytest.fixture(autouse=True)
def system_file(tmp_path, monkeypatch) -> Path:
    """Stands for /etc/runf/watcher.toml."""
    path = tmp_path / "etc" / "watcher.toml"
    path.parent.mkdir()
    monkeypatch.setattr(config, "SYSTEM_CONFIG", path)
    return path


@pytest.fixture
def as_user(monkeypatch, tmp_path) -> Callable[[str], dict[str, str]]:
    """We are uid 1000, and our own file holds this text; the environment that leads there."""
    monkeypatch.setattr(config.os, "geteuid", lambda: 1000)

    def make(text: str) -> dict[str, str]:
        own = tmp_path / "own" / "runf" / "watcher.toml"
        own.parent.mkdir(parents=True)
        own.write_text(text)
        return {"XDG_CONFIG_HOME": str(tmp_path / "own"), "XDG_RUNTIME_DIR": "/run/user/1000"}

    return make


@pytest.fixture
def as_root(monkeypatch) -> None:
    monkeypatch.setattr(config.os, "geteuid", lambda: 0)
    monkeypatch.setattr(config, "own_root", lambda environ: "/run/opencontainer/containers")


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "named.toml"
    path.write_text(text)
    return str(path)


def test_without_anything_the_own_root_is_followed(as_root):
    settings = find_settings({})
    assert (settings.root, settings.socket) == ("/run/opencontainer/containers", "/run/opencontainer/watcher.sock")
    assert settings.private.parent == Path("/run/opencontainer/watcher")
    assert (settings.read_only, settings.segment_bytes, settings.segments, settings.queue) == (
        False,
        SEGMENT_LIMIT_BYTES,
        SEGMENTS_LIMIT,
        QUEUE_LIMIT,
    )


def test_the_socket_of_another_root_lies_in_its_private_directory(as_root):
    settings = find_settings({}, root="/srv/roots/a")
    assert settings.socket == str(settings.private / "watcher.sock")


def test_the_file_says_everything(as_root, system_file):
    system_file.write_text(EVERYTHING)
    settings = find_settings({})
    assert (settings.root, settings.socket, settings.read_only) == ("/srv/roots/a", "/run/w.sock", True)
    assert (settings.segment_bytes, settings.segments, settings.queue) == (65536, 3, 100)


def test_a_user_has_a_file_of_their_own(as_user, system_file):
    system_file.write_text('root = "/srv/system"')
    assert find_settings(as_user('root = "/srv/mine"')).root == "/srv/mine"


def test_what_the_system_is_told_is_not_for_its_users(as_user, system_file, tmp_path):
    system_file.write_text('root = "/srv/system"')
    environ = {**as_user(""), "XDG_CONFIG_HOME": str(tmp_path / "nowhere")}
    assert find_settings(environ).root == "/run/user/1000/opencontainer/containers"


def test_a_user_without_xdg_config_home_has_the_file_below_their_home(as_user, tmp_path):
    environ = as_user('root = "/srv/mine"')
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".config").symlink_to(environ.pop("XDG_CONFIG_HOME"))
    assert find_settings({**environ, "HOME": str(tmp_path / "home")}).root == "/srv/mine"


def test_a_named_file_comes_instead(as_root, system_file, tmp_path):
    system_file.write_text(EVERYTHING)
    assert find_settings({}, config=write(tmp_path, 'root = "/srv/other"')).read_only is False


def test_the_environment_comes_before_the_file(as_root, system_file):
    system_file.write_text(EVERYTHING)
    settings = find_settings({"RUNF_ROOT": "/srv/env", "RUNF_WATCHER_SOCKET": "/run/env.sock"})
    assert (settings.root, settings.socket) == ("/srv/env", "/run/env.sock")


def test_options_come_before_all(as_root, system_file):
    system_file.write_text(EVERYTHING)
    environ = {"RUNF_ROOT": "/srv/env", "RUNF_WATCHER_SOCKET": "/run/env.sock"}
    settings = find_settings(environ, root="/srv/option", socket="/run/option.sock")
    assert (settings.root, settings.socket) == ("/srv/option", "/run/option.sock")


def test_relative_options_are_made_absolute(as_root):
    settings = find_settings({}, root="a", socket="b/w.sock")
    assert (settings.root, settings.socket) == (f"{os.getcwd()}/a", f"{os.getcwd()}/b/w.sock")


def test_events_come_from_this_machine_and_root(as_root, monkeypatch, tmp_path):
    (tmp_path / "machine-id").write_text("0123abcd\n")
    monkeypatch.setattr(config, "MACHINE_ID", tmp_path / "machine-id")
    assert find_settings({}, root="/srv/a b").source == "//0123abcd/srv/a%20b"


def test_a_machine_without_an_id_is_called_by_its_name(as_root, monkeypatch, tmp_path):
    monkeypatch.setattr(config, "MACHINE_ID", tmp_path / "machine-id")
    monkeypatch.setattr(config.sockets, "gethostname", lambda: "host7")
    assert find_settings({}, root="/srv").source == "//host7/srv"


@pytest.mark.parametrize(
    ("text", "pointer", "reason"),
    [
        ('root = "relative"', "/root", "does not match"),
        ("read_only = 1", "/read_only", "is not of type 'boolean'"),
        ("[journal]\nsegments = 1", "/journal/segments", "less than the minimum of 2"),
        ("[journal]\nsize = 1", "/journal", "'size' was unexpected"),
        ("[subscribers]\nqueue = 0", "/subscribers/queue", "less than the minimum of 1"),
        ("rot = 1", "", "'rot' was unexpected"),
    ],
)
def test_a_fault_names_the_file_and_the_place_in_it(as_root, tmp_path, text, pointer, reason):
    path = write(tmp_path, text)
    with pytest.raises(Fault) as caught:
        find_settings({}, config=path)
    assert str(caught.value).startswith(f"{path}#{pointer}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("content", [b"root = ", b"\xff", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000])
def test_what_isnt_toml_is_named(as_root, tmp_path, content):
    path = tmp_path / "named.toml"
    path.write_bytes(content)
    with pytest.raises(Fault, match=f"^{path}: not TOML: "):
        find_settings({}, config=str(path))


def test_a_named_file_must_be_there(as_root, tmp_path):
    with pytest.raises(Fault, match=r"nowhere\.toml: no such file or directory; name an existing file"):
        find_settings({}, config=str(tmp_path / "nowhere.toml"))


def test_a_file_that_cant_be_read_is_named(as_root, tmp_path):
    with pytest.raises(Fault, match="can't be read: Is a directory"):
        find_settings({}, config=str(tmp_path))
