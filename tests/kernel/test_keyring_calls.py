"""Session keyrings."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from runtime.kernel import libc, numbers
from runtime.kernel.keyring import join_session_keyring
from tests.support.forked import as_user, failure, in_child

KEYCTL_GET_KEYRING_ID = 0
KEY_SPEC_SESSION_KEYRING = -3

pytestmark = pytest.mark.needs("file:/proc/keys")


def session() -> int:
    return libc.syscall(numbers.KEYCTL, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, text="keyctl")


def test_a_new_session_keyring_is_ours_from_then_on() -> None:
    def join() -> list[object]:
        serial = join_session_keyring("runf-test")
        shown = [line for line in Path("/proc/keys").read_text().split("\n") if line.startswith(f"{serial:08x}")]
        return [serial == session(), len(shown), "runf-test" in "".join(shown)]

    assert in_child(as_user(join)) == [True, 1, True]


def test_a_child_has_its_parents() -> None:
    def join() -> list[bool]:
        serial = join_session_keyring("runf-test")
        return [in_child(session) == serial, in_child(lambda: join_session_keyring("runf-other")) == serial]

    assert in_child(as_user(join)) == [True, False]


def test_a_name_of_the_kernels_own_is_refused() -> None:
    told = in_child(as_user(lambda: failure(lambda: join_session_keyring("." + "x"))))
    assert told == [errno.EPERM, "keyctl(KEYCTL_JOIN_SESSION_KEYRING): Operation not permitted"]
