"""Packages of others, made importable by those few commands that need one.

The launcher's ``-S`` leaves site-packages out, with all that ``.pth`` files there would run, and -I with -S also leaves
``sys.prefix`` at the base interpreter: so a virtual environment is found by its python's own place.
"""

from __future__ import annotations

import os
import sys

DEBIAN_PACKAGES = "/usr/lib/python3/dist-packages"


def package_directories(file: str, executable: str) -> list[str]:
    """Where packages may lie, the likeliest place first, for this ``file`` and the interpreter's ``executable``.

    Never a directory that merely lies above a source tree: anybody may own that.
    """
    home = os.path.realpath(file)
    for _ in ("packages.py", "runtime", "runf"):  # as installed: <site-packages>/runf/runtime/packages.py
        home = os.path.dirname(home)
    found = [home] if os.path.basename(home) in ("site-packages", "dist-packages") else []
    prefix = os.path.dirname(os.path.dirname(executable))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [*found, f"{prefix}/lib/{version}/site-packages", DEBIAN_PACKAGES]


def add_site_packages(name: str) -> None:
    """Make the package ``name`` importable, if it is installed."""
    for path in package_directories(__file__, sys.executable):
        if os.path.isdir(f"{path}/{name}"):
            if path not in sys.path:
                sys.path.append(path)
            return
