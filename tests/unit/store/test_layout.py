"""Names, places, modes and owners in a state root."""

from __future__ import annotations

import fcntl
import grp
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import BadIdentifier, BadRoot, NoSuchContainer
from runtime.kernel import files
from runtime.store import layout
from tests.support.forked import NOBODY, needs_root
from tests.support.records import FIFOS, publish

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.store.store import Store

GROUP = next(entry for entry in grp.getgrall() if entry.gr_gid not in (0, os.getegid()))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def make_root(path: Path | str, *, public: bool = False) -> None:
    layout.open_root(str(path), make=True, public=public).close()


@pytest.mark.parametrize("container_id", ["a", "A_+-.z", "0", "a..b", "x" * 200, "a.", "-a", "+", "_"])
def test_an_id_of_allowed_characters_is_taken(container_id: str) -> None:
    layout.check_id(container_id)


@pytest.mark.parametrize(
    ("container_id", "reason"),
    [
        ("", "it is empty"),
        ("x" * 201, "it has 201 characters"),
        (".", "it starts with a dot"),
        ("..", "it starts with a dot"),
        (".staging", "it starts with a dot"),
        ("a/b", "it contains '/'"),
        ("../a", "it contains '/'"),
        ("a b", "it contains ' '"),
        ("a\n", "it contains '\\n'"),
        ("a\0", "it contains '\\x00'"),
        ("é", "it contains 'é'"),
        ("٣", "it contains '٣'"),
        ("a\udc80", "it contains '\\udc80'"),
    ],
)
def test_an_id_that_must_not_be_joined_to_a_path_is_refused(container_id: str, reason: str) -> None:
    with pytest.raises(BadIdentifier) as caught:
        layout.check_id(container_id)
    assert caught.value.message.endswith(f"is not allowed: {reason}")
    assert "\n" not in str(caught.value)


def test_the_longest_id_leaves_room_for_the_name_of_its_commits() -> None:
    largest_generation = (1 << 63) - 1
    assert len(f"{'x' * layout.ID_LIMIT_BYTES}.{'0' * 32}.{largest_generation}") <= 255


@pytest.mark.parametrize(
    ("environ", "euid", "in_initial_userns", "expected"),
    [
        ({}, 0, True, "/run/opencontainer/containers"),
        ({"XDG_RUNTIME_DIR": "/run/user/0"}, 0, True, "/run/opencontainer/containers"),
        ({"XDG_RUNTIME_DIR": "/x"}, 1000, True, "/x/opencontainer/containers"),
        ({"XDG_RUNTIME_DIR": ""}, 1000, True, "/run/user/7/opencontainer/containers"),
        ({}, 1000, True, "/run/user/7/opencontainer/containers"),
        ({}, 0, False, "/run/user/7/opencontainer/containers"),
        ({"XDG_RUNTIME_DIR": "/x"}, 0, False, "/x/opencontainer/containers"),
    ],
)
def test_the_default_root_is_the_systems_for_root_alone(
    environ: dict[str, str], euid: int, in_initial_userns: bool, expected: str
) -> None:
    found = layout.default_root(environ, euid=euid, in_initial_userns=in_initial_userns, outer_uid=7)
    assert found == expected


@pytest.mark.usefixtures("tight_umask")
@pytest.mark.parametrize(("public", "expected"), [(False, 0o750), (True, 0o755)])
def test_a_root_is_made_with_its_mode_whatever_the_umask(tmp_path: Path, public: bool, expected: int) -> None:
    root = tmp_path / "a" / "b" / "containers"
    make_root(root, public=public)
    assert mode_of(root) == expected
    assert {path.name: mode_of(path) for path in root.iterdir()} == {".staging": 0o755, ".deleted": 0o755}
    assert mode_of(tmp_path / "a") == mode_of(tmp_path / "a" / "b") == 0o755


@pytest.mark.parametrize("spelling", ["{0}/", "{0}//", "{0}/.", "{0}/../containers"])
def test_a_root_is_made_alike_however_its_path_is_spelt(root: Path, spelling: str) -> None:
    make_root(spelling.format(root))
    assert mode_of(root) == 0o750
    assert os.listdir(root.parent) == ["containers"]


def test_a_relative_root_lies_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_root("containers")
    assert mode_of(tmp_path / "containers") == 0o750


def test_an_existing_root_keeps_its_mode(root: Path) -> None:
    root.mkdir()
    root.chmod(0o711)
    make_root(root, public=True)
    assert mode_of(root) == 0o711
    assert sorted(path.name for path in root.iterdir()) == [".deleted", ".staging"]


@needs_root
def test_a_new_root_belongs_to_the_readers_group(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "READERS_GROUP", GROUP.gr_name)
    make_root(root)
    assert (root.stat().st_uid, root.stat().st_gid) == (0, GROUP.gr_gid)
    assert mode_of(root) == 0o750


@needs_root
def test_without_the_readers_group_root_alone_may_look(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "READERS_GROUP", "no-such-group-anywhere")
    make_root(root)
    assert (root.stat().st_uid, root.stat().st_gid) == (0, os.getegid())


def test_making_a_root_leaves_nothing_beside_it(root: Path) -> None:
    make_root(root)
    make_root(root)
    assert os.listdir(root.parent) == ["containers"]


def test_what_a_maker_that_died_left_beside_the_root_is_swept(root: Path) -> None:
    left = root.parent / f"{root.name}.{'0' * 16}.new"
    (left / ".staging").mkdir(parents=True)
    make_root(root)
    assert os.listdir(root.parent) == ["containers"]


def test_what_another_maker_is_at_work_on_is_left_alone(root: Path) -> None:
    others = root.parent / f"{root.name}.{'0' * 16}.new"
    others.mkdir()
    held = os.open(others, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    make_root(root)
    os.close(held)
    assert sorted(os.listdir(root.parent)) == ["containers", others.name]


def test_a_root_that_is_swept_while_it_is_begun_is_begun_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fcntl.flock
    swept: list[str] = []

    def sweep_first(fd: int, operation: int) -> None:
        if not swept:
            swept.extend(os.listdir(root.parent))
            (root.parent / swept[0]).rmdir()
        real(fd, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    make_root(root)
    assert len(swept) == 1
    assert os.listdir(root.parent) == ["containers"]


def test_a_root_that_somebody_else_makes_first_is_theirs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = files.renameat2

    def lose(*arguments: Any) -> None:
        root.mkdir(exist_ok=True)
        root.chmod(0o700)
        real(*arguments)

    monkeypatch.setattr(files, "renameat2", lose)
    make_root(root)
    assert mode_of(root) == 0o700
    assert os.listdir(root.parent) == ["containers"]


def test_a_root_that_can_not_be_made_says_why() -> None:
    with pytest.raises(BadRoot, match=r"can't be made: No such file or directory; name another with --root"):
        make_root("/proc/nowhere/containers")


def test_a_file_is_no_root(root: Path) -> None:
    root.touch()
    with pytest.raises(BadRoot, match="can't be opened: Not a directory"):
        make_root(root)


def test_a_missing_root_holds_no_container(root: Path) -> None:
    with pytest.raises(NoSuchContainer):
        layout.open_root(str(root), make=False)
    assert not root.exists()


@pytest.mark.parametrize("name", [".staging", ".deleted"])
def test_a_planted_link_in_place_of_an_inner_directory_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadRoot, match=f"{name} can't be used"):
        make_root(root)


@pytest.mark.usefixtures("tight_umask")
def test_everything_of_a_container_has_its_mode_whatever_the_umask(store: Store, root: Path) -> None:
    publish(store)
    assert mode_of(root / "web") == 0o755
    modes = {path.name: mode_of(path) for path in (root / "web").iterdir()}
    private = dict.fromkeys(["lock", "action", "config.json", "spare", *FIFOS], 0o600)
    assert modes == {"state.json": 0o644, **private}
    assert mode_of(root / ".staging" / ".sweep") == 0o600
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in [root / "web", *(root / "web").iterdir()]}
    assert owners == {(os.geteuid(), os.getegid())}


def test_a_link_in_the_root_is_no_container(store: Store, root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "web").symlink_to(tmp_path / "elsewhere")
    (root / "file").touch()
    for container_id in ("web", "file", "missing"):
        with pytest.raises(NoSuchContainer):
            layout.open_container(store.fds.root, container_id)


def test_a_root_below_a_sticky_directory_of_ours_is_trusted(root: Path, store: Store) -> None:
    assert layout.is_trusted(str(root)) is None


def test_a_root_that_others_may_write_to_is_not_trusted(root: Path, store: Store) -> None:
    root.chmod(0o775)
    assert layout.is_trusted(str(root)) == f"{root} is writable by others"


def test_a_root_below_a_directory_that_others_may_write_to_is_not_trusted(root: Path, store: Store) -> None:
    root.parent.chmod(0o777)
    assert layout.is_trusted(str(root)) == f"{root.parent} is writable by others"


def test_a_sticky_root_is_not_trusted(root: Path, store: Store) -> None:
    root.chmod(0o1777)
    assert layout.is_trusted(str(root)) == f"{root} is writable by others"


@needs_root
def test_a_root_of_another_user_is_not_trusted(root: Path, store: Store) -> None:
    os.chown(root, NOBODY, -1)
    assert layout.is_trusted(str(root)) == f"{root} belongs to uid {NOBODY}"


def test_trust_looks_through_links_at_the_real_place(root: Path, store: Store, tmp_path: Path) -> None:
    root.chmod(0o777)
    (tmp_path / "link").symlink_to(root)
    assert layout.is_trusted(str(tmp_path / "link")) == f"{root} is writable by others"
