"""Labels of Linux security modules: AppArmor's profile, SELinux's contexts of the program and of the mounts.

    plan_lsm        pure
    check_lsm       in the parent: a label that this kernel can't give is refused, never passed over
    open_labels     in the child, before it looks at anything of the image: procfs is still the host's
    last_calls.py   the stub sets them, so that they hold for the program and not for the stub

Source: runtime-spec: config.md#linux-process, config-linux.md#mount-label; apparmor(7), setexeccon(3).
"""

from __future__ import annotations

import os

from runtime.errors import Unsupported
from runtime.kernel import lsm
from runtime.sandbox.program import CONFIG_PLACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NamedTuple
else:
    from runtime.values import NamedTuple

UNCONFINED = "unconfined"  # AppArmor's name for no profile, which is what there is without AppArmor
_NONE = "leave it out, or enable it in the kernel"


class LsmPlan(NamedTuple):
    """Empty texts ask for nothing; ``place`` is where the program's are written, for messages."""

    apparmor: str
    selinux: str
    mount_label: str
    place: str = CONFIG_PLACE


class Label(NamedTuple):
    """``text`` for the file ``attribute`` below /proc/<pid>/attr."""

    attribute: str
    text: bytes
    place: str


def plan_lsm(config: Mapping[str, Any], *, place: str = CONFIG_PLACE) -> LsmPlan:
    """What ``process`` and ``linux`` ask for."""
    process = config["process"]
    return LsmPlan(
        apparmor=process.get("apparmorProfile", ""),
        selinux=process.get("selinuxLabel", ""),
        mount_label=config.get("linux", {}).get("mountLabel", ""),
        place=place,
    )


def check_lsm(plan: LsmPlan, sys: str = "/sys") -> None:
    """Raise Unsupported where a label is asked for and its security module isn't at work."""
    if plan.apparmor and plan.apparmor != UNCONFINED and not lsm.has_apparmor(sys):
        raise Unsupported(f"{plan.place}/apparmorProfile: AppArmor is not enabled on this machine", hint=_NONE)
    labels = ((f"{plan.place}/selinuxLabel", plan.selinux), ("config.json#/linux/mountLabel", plan.mount_label))
    for place, label in labels:
        if label and not lsm.has_selinux(sys):
            raise Unsupported(f"{place}: SELinux is not enabled on this machine", hint=_NONE)


def open_labels(plan: LsmPlan, sys: str = "/sys") -> tuple[int, tuple[Label, ...]] | None:
    """Our attr directory's fd, and the labels to write there; None where there are none to write."""
    wants_profile = plan.apparmor and lsm.has_apparmor(sys)
    if not wants_profile and not plan.selinux:
        return None
    attr_fd = lsm.open_own_attributes()
    labels = []
    if wants_profile:
        # its own directory since Linux 5.8: without it, "exec" belongs to whichever module came first
        attribute = "apparmor/exec" if lsm.has_attribute(attr_fd, "apparmor/exec") else "exec"
        labels.append(Label(attribute, b"exec " + plan.apparmor.encode(), f"{plan.place}/apparmorProfile"))
    if plan.selinux:
        labels.append(Label("exec", plan.selinux.encode(), f"{plan.place}/selinuxLabel"))
    return attr_fd, tuple(labels)


def label_keyrings(plan: LsmPlan) -> None:
    """Let the session keyring that is made next carry the program's context, or the program couldn't use it."""
    if not plan.selinux:
        return
    attr_fd = lsm.open_own_attributes()
    try:
        lsm.set_attribute(attr_fd, "keycreate", plan.selinux.encode())
    finally:
        os.close(attr_fd)
