"""The owner's name."""

import os
import pwd

import pytest

from runtime.actions.owner import owner_name


def test_root_is_root_without_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pytest.fail(f"looked {uid} up"))
    assert owner_name(0) == "root"


def test_a_user_has_the_name_of_the_database() -> None:
    other = next((each for each in pwd.getpwall() if each.pw_uid not in (0, os.getuid())), None)
    assert other is not None, "needs a second user in /etc/passwd"
    assert owner_name(other.pw_uid) == pwd.getpwuid(other.pw_uid).pw_name


def test_a_user_without_a_name_is_a_number() -> None:
    assert owner_name(4_000_000_123) == "4000000123"


def test_an_empty_name_is_a_number_too(monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = pwd.struct_passwd(("", "x", 12345, 12345, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: nameless)
    assert owner_name(12345) == "12345"
