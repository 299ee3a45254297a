"""Kernel keyrings (keyctl(2))."""

from __future__ import annotations

from runtime.kernel import numbers
from runtime.kernel.libc import syscall

KEYCTL_JOIN_SESSION_KEYRING = 1


def join_session_keyring(name: str) -> int:
    """A session keyring of our own, so that the caller's keys aren't ours; its serial number."""
    return syscall(
        numbers.KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, name.encode(), text="keyctl(KEYCTL_JOIN_SESSION_KEYRING)"
    )
