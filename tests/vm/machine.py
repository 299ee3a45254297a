"""An emulated machine with Debian's cloud kernel and cgroup v2, in which a command runs on the host's own files.

The files are shared read-only, below a layer that is gone with the machine: what the command writes stays nowhere.
The command's output is ours, and so is its exit code.

    machine.py [--init systemd] [--cgroup 1] [--near DIRECTORY]... COMMAND

Needs: qemu-system-x86, linux-image-cloud-amd64, busybox-static, cpio, kmod (tests/vm/run installs them).
"""

from __future__ import annotations

import argparse
import glob
import gzip
import lzma
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
MODULES = ("virtio_pci", "virtio_blk", "virtiofs", "overlay", "ext4")
QUIET = "systemd.show_status=false"  # an option of systemd's own is forgotten when it reads its units anew
# which version process 1 finds; systemd then mounts v1 as it did before v2 was there
CGROUPS = {"2": ("cgroup_no_v1=all",), "1": ("systemd.unified_cgroup_hierarchy=0",)}
# of a directory that is given near: what is large and no test of a runtime reads
LEFT_OUT = shutil.ignore_patterns(".git", "mypy", "mypyc", "ruff*", "idlelib", "tkinter", "test", ".mypy_cache")
SYSTEM = "/usr/"  # containers have all of it: a mount of ours below would be one of theirs, which criu can't restore
APPLETS = ("sh", "cat", "mount", "umount", "insmod", "mkdir", "cp", "rm", "poweroff", "switch_root", "echo")
SHARING = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")
# lines of the console that are not the job's: what the firmware and the terminal's own commands leave
NOISE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc|\r")
EXIT = "VM-EXIT "
FAILED = "VM-FAILED "
FAILURE = 125  # the machine's own, unlike any of a test run


def find_kernel() -> str:
    """The newest cloud kernel's release."""
    images = sorted(glob.glob("/boot/vmlinuz-*cloud-amd64"), key=lambda path: re.findall(r"\d+", path))
    if not images:
        raise SystemExit("no kernel to boot: apt install linux-image-cloud-amd64")
    return images[-1].removeprefix("/boot/vmlinuz-")


def needed_modules(release: str) -> Iterator[Path]:
    """Files of MODULES and what they depend on, in the order in which they load."""
    top = Path("/lib/modules", release)
    depends = {}
    for line in (top / "modules.dep").read_text().splitlines():
        file, _, others = line.partition(":")
        depends[file] = others.split()
    seen: list[str] = []
    for name in MODULES:
        file = next((each for each in depends if Path(each).name.split(".")[0].replace("-", "_") == name), None)
        if file is None:
            continue  # built into this kernel
        # a dependency comes after those that need it
        seen += [each for each in (*reversed(depends[file]), file) if each not in seen]
    return (top / each for each in seen)


def build_ramdisk(place: Path, release: str, job: str, near: list[str]) -> Path:
    """The initial ramdisk: busybox, the modules, `init`, and the job."""
    tree = place / "tree"
    for name in ("bin", "proc", "sys", "dev", "host", "layer", "root", "modules"):
        (tree / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin")
    for applet in APPLETS:
        (tree / "bin" / applet).symlink_to("busybox")
    order = []
    for file in needed_modules(release):
        order.append(file.name.removesuffix(".xz"))
        content = file.read_bytes()
        (tree / "modules" / order[-1]).write_bytes(lzma.decompress(content) if file.suffix == ".xz" else content)
    (tree / "modules" / "order").write_text("\n".join(order))
    for name in ("init", "login", "vm-job.service", "vm-job.target"):
        shutil.copy(HERE / name, tree)
    (tree / "init").chmod(0o755)
    (tree / "job").write_text(f"cd {shlex.quote(str(REPOSITORY))}\n({job}\n)\nprintf '\\n{EXIT}%s\\n' $?\n")
    apart = [(number, directory) for number, directory in enumerate(near) if not directory.startswith(SYSTEM)]
    (tree / "near").write_text("".join(f"{number} {directory}\n" for number, directory in apart))
    names = "\n".join(str(path.relative_to(tree)) for path in [tree, *tree.rglob("*")])
    packed = subprocess.run(
        ["cpio", "--create", "--format=newc", "--quiet", "--owner=0:0"],
        input=names.encode(),
        cwd=tree,
        stdout=subprocess.PIPE,
        check=True,
    )
    image = place / "ramdisk"
    image.write_bytes(gzip.compress(packed.stdout, 1))
    return image


def build_disk(place: Path, near: list[str]) -> Path:
    """A disk with copies of directories: each look at a shared file is a message to the host, and costs far more.

    Those of the system are a layer of the root, below ``root``; each of the others is mounted, and has its number.
    """
    tree = place / "near"
    (tree / "root").mkdir(parents=True)
    for number, directory in enumerate(near):
        others = {str(Path(directory, "site-packages"))}  # in the library of Python itself: not those of the tests
        shutil.copytree(
            directory,
            tree / (f"root{directory}" if directory.startswith(SYSTEM) else str(number)),
            symlinks=True,
            ignore=lambda place, names, others=others: {
                *LEFT_OUT(place, names),
                *(name for name in names if f"{place}/{name}" in others),
            },
            copy_function=_link,
        )
    image = place / "disk"
    size = sum(path.lstat().st_size // 4096 + 2 for path in tree.rglob("*")) * 4096 * 5 // 4 + (16 << 20)
    command = ["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-d", str(tree), str(image)]
    subprocess.run(
        [*command, f"{size >> 10}k"], check=True, env={**os.environ, "PATH": f"{os.environ['PATH']}:/sbin:/usr/sbin"}
    )
    shutil.rmtree(tree)
    return image


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def share_files(place: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """The daemon that gives the machine the host's files, and its socket."""
    daemon = next((path for path in SHARING if os.path.exists(path)), None)
    if daemon is None:
        raise SystemExit("nothing shares files with the machine: apt install virtiofsd, or qemu-system-common")
    socket, log = place / "files", place / "files.log"
    with log.open("wb") as told:
        sharing = subprocess.Popen(
            [daemon, f"--socket-path={socket}", "-o", "source=/", "-o", "sandbox=chroot", "-o", "cache=always"],
            stdout=told,
            stderr=told,
        )
    return sharing, socket


def emulate(release: str, ramdisk: Path, disk: Path, socket: Path, asked: argparse.Namespace) -> int:
    """Boot, print what the job prints, and answer how it ended."""
    line = ("console=ttyS0", "quiet", "loglevel=3", "panic=-1", "mitigations=off", QUIET, *CGROUPS[asked.cgroup])
    command = [
        "qemu-system-x86_64",
        *("-machine", "q35", "-accel", f"{asked.accel},thread=multi" if asked.accel == "tcg" else asked.accel),
        *("-cpu", "max", "-smp", str(asked.processors), "-m", str(asked.memory)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"),
        *("-object", f"memory-backend-memfd,id=memory,size={asked.memory}M,share=on", "-numa", "node,memdev=memory"),
        *("-chardev", f"socket,id=files,path={socket}", "-device", "vhost-user-fs-pci,chardev=files,tag=host"),
        *("-drive", f"file={disk},format=raw,if=virtio,readonly=on"),
        *("-kernel", f"/boot/vmlinuz-{release}", "-initrd", str(ramdisk)),
        *("-append", " ".join((*line, f"vm.init={asked.init}"))),
    ]
    code = None
    ended = ["timeout", "--kill-after=10", str(asked.timeout), *command]
    with subprocess.Popen(ended, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as vm:
        assert vm.stdout is not None
        for raw in vm.stdout:
            line_ = NOISE.sub("", raw)
            if line_.startswith(EXIT):
                code = int(line_.removeprefix(EXIT))
            else:
                print(line_, end="", flush=True)
    return FAILURE if code is None else code


def main() -> int:
    """The job's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--init", choices=("plain", "systemd"), default="plain", help="who is process 1")
    parser.add_argument("--cgroup", choices=("2", "1"), default="2", help="the version; 1 needs systemd")
    parser.add_argument("--near", action="append", default=[], metavar="DIRECTORY", help="much is read there")
    parser.add_argument("--accel", default="tcg", help="kvm, where that works, is several times as fast")
    parser.add_argument("--memory", type=int, default=3072, metavar="MIB")
    parser.add_argument("--processors", type=int, default=2, metavar="N")
    parser.add_argument("--timeout", type=int, default=3600, metavar="SECONDS")
    parser.add_argument("command", help="for sh, run as root in the project's directory")
    asked = parser.parse_args()
    release = find_kernel()
    with tempfile.TemporaryDirectory(prefix="runf-vm.", dir="/var/tmp") as name:
        place = Path(name)
        ramdisk = build_ramdisk(place, release, asked.command, asked.near)
        disk = build_disk(place, asked.near)
        sharing, socket = share_files(place)
        try:
            code = emulate(release, ramdisk, disk, socket, asked)
        finally:
            sharing.terminate()
            sharing.wait()
        if code == FAILURE:
            print((place / "files.log").read_text(errors="replace"), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
