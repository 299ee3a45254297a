"""The systemd that is at work here, asked as its user would: the system's for root, else the user's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.containers import Runf, make_container_bundle
from tests.support.session import unique_name

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
LIMITS = {
    "memory": {"limit": 64 * MIB, "swap": 96 * MIB},
    "cpu": {"shares": 2048, "quota": 50500, "period": 100000},
    "pids": {"limit": 50},
}


def systemctl(*words: str) -> str:
    """What it prints, whatever its exit status."""
    whose = () if os.geteuid() == 0 else ("--user",)
    done = subprocess.run(["systemctl", *whose, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def shown(unit: str, *names: str) -> dict[str, str]:
    """The properties of a unit, which need not be loaded."""
    text = systemctl("show", unit, *(f"--property={name}" for name in names))
    return dict(line.split("=", 1) for line in text.splitlines())


class Scoped(Runf):
    """The command line with --systemd-cgroup, and a name for one scope."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.name = unique_name()
        self.unit = f"runf-{self.name}.scope"

    def argv(self, *words: str) -> list[str]:
        return super().argv("--systemd-cgroup", *words)

    def bundle(self, *args: str, change: Callable[[dict[str, Any]], object] = lambda _: None, **resources: Any) -> str:
        def edit(config: dict[str, Any]) -> None:
            config["linux"]["cgroupsPath"] = f":runf:{self.name}"
            config["linux"].setdefault("resources", {}).update(resources)
            change(config)

        return make_container_bundle(self.place / "bundle", *args, change=edit)

    def directory(self) -> Path:
        return Path(self.record("one")["linux"]["cgroup"]["paths"]["unified"])
