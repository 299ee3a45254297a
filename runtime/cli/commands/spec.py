"""runf spec."""

from __future__ import annotations

import os

from runtime import jsontext
from runtime.errors import Fault
from runtime.spec.default import default_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.actions.context import Context
    from runtime.cli.options import Parsed


def run(_: Context, parsed: Parsed) -> int:
    """Write config.json into the bundle, which is made if need be; an existing one is never replaced."""
    bundle = os.path.abspath(str(parsed.options["bundle"] or "."))
    uses_host = bool(parsed.options["host-usr"])
    arguments = parsed.arguments
    config = default_config(
        rootless=bool(parsed.options["rootless"]),
        uid=os.geteuid(),
        gid=os.getegid(),
        host_userland=uses_host,
        args=arguments or ("sh",),
        terminal=not arguments,
    )
    _write(os.path.join(bundle, "rootfs") if uses_host else bundle, bundle, jsontext.render(config) + "\n")
    return 0


def _write(directory: str, bundle: str, text: str) -> None:
    """Make ``directory`` and write config.json, whole or not at all.  Fault: it exists, or can't be written."""
    path = os.path.join(bundle, "config.json")
    try:
        os.makedirs(directory, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                os.unlink(path)  # half of it would be worse than none
                raise
    except FileExistsError as error:
        if error.filename != path:
            raise Fault(f"{error.filename} exists, and is no directory", hint="name another --bundle") from None
        raise Fault(f"{path} exists already", hint="remove it first, or name another --bundle") from None
    except OSError as error:
        raise Fault(f"{path} can't be written: {error.strerror}") from error
