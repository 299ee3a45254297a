"""What others may read of a container holds no secret of its."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.containers import Runf, make_container_bundle

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2-and-more"


def test_no_file_that_others_may_read_holds_environment_or_arguments(runf: Runf, bundle: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["env"].append(f"PASSWORD={SECRET}")
        config["process"]["args"] += [f"--password={SECRET}"]

    path = make_container_bundle(bundle, "sh", "-c", "true", change=change)
    runf.ok("--public-state", "create", "-b", path, "one")
    files = [file for file in runf.root.rglob("*") if file.is_file()]
    holding = [file for file in files if SECRET.encode() in file.read_bytes()]
    assert [file.name for file in holding] == ["config.json"]
    assert [file.stat().st_mode & 0o077 for file in holding] == [0]
    runf.ok("start", "one")
    runf.ok("delete", "--force", "one")
    assert not [file for file in runf.root.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]
