"""An image that needs no download: busybox, under the names of all of its applets."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MEDIA_TYPE = "application/vnd.oci.image"
_DIRECTORIES = {"bin": 0o755, "dev": 0o755, "etc": 0o755, "proc": 0o555, "root": 0o700, "sys": 0o555, "tmp": 0o1777}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n",
    "etc/group": "root:x:0:\nuser:x:1000:\n",
    "etc/motd": "made for a test\n",
}


def write_image(path: Path) -> None:
    """A tar file of a root file system, as ``podman import`` takes it."""
    busybox = shutil.which("busybox")
    assert busybox is not None, "needs busybox"
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(path, "w") as archive:
        for name, mode in _DIRECTORIES.items():
            archive.addfile(_entry(name, mode, tarfile.DIRTYPE))
        for name, text in _FILES.items():
            entry = _entry(name, 0o644, tarfile.REGTYPE)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
        archive.add(busybox, "bin/busybox", filter=_owned_by_root)
        for applet in sorted({*applets} - {"busybox"}):
            entry = _entry(f"bin/{applet}", 0o777, tarfile.SYMTYPE)
            entry.linkname = "busybox"
            archive.addfile(entry)


def _entry(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type = mode, kind
    return entry


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def write_oci_archive(path: Path, root: Path, reference: str) -> None:
    """The root file system in the tar file ``root`` as an OCI image layout in a tar file, as containerd imports it."""
    layer = root.read_bytes()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {"Cmd": ["sleep", "1000"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    blobs = [layer, _json(config)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_MEDIA_TYPE}.manifest.v1+json",
        "config": _described(blobs[1], "config.v1+json"),
        "layers": [_described(layer, "layer.v1.tar")],
    }
    blobs.append(_json(manifest))
    named = {**_described(blobs[2], "manifest.v1+json"), "annotations": {"io.containerd.image.name": reference}}
    files = {f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}": blob for blob in blobs}
    files["index.json"] = _json({"schemaVersion": 2, "manifests": [named]})
    files["oci-layout"] = _json({"imageLayoutVersion": "1.0.0"})
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = _entry(name, 0o644, tarfile.REGTYPE)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _described(blob: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": f"{_MEDIA_TYPE}.{kind}", "digest": _digest(blob), "size": len(blob)}


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
