"""Device programs of cgroup v2 (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE)."""

from __future__ import annotations

import os
from _struct import pack

from runtime.kernel import numbers
from runtime.kernel.libc import address_of, buffer, syscall

# linux/bpf.h
BPF_PROG_LOAD = 5
BPF_PROG_ATTACH = 8
BPF_PROG_DETACH = 9
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2

_INSTRUCTION_BYTES = 8
_LICENSE = b"Apache-2.0\0"


def load_device_program(instructions: bytes) -> int:
    """The fd of a verified program of 8-byte instructions; OSError with the kernel's reason."""
    code = _memory(instructions)
    license_text = _memory(_LICENSE)
    attributes = pack(
        "=IIQQIIQII16s",
        BPF_PROG_TYPE_CGROUP_DEVICE,
        len(instructions) // _INSTRUCTION_BYTES,
        address_of(code),
        address_of(license_text),
        0,
        0,
        0,
        0,
        0,
        b"runf_devices",
    )
    fd = syscall(numbers.BPF, BPF_PROG_LOAD, attributes, len(attributes), text="bpf(BPF_PROG_LOAD)")
    os.set_inheritable(fd, False)
    return fd


def attach_device_program(cgroup_fd: int, program_fd: int) -> None:
    """Let the program judge every open and mknod below the cgroup, beside those of its ancestors."""
    attributes = pack("=IIII", cgroup_fd, program_fd, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI)
    syscall(numbers.BPF, BPF_PROG_ATTACH, attributes, len(attributes), text="bpf(BPF_PROG_ATTACH)")


def detach_device_program(cgroup_fd: int, program_fd: int) -> None:
    """Take the program away again."""
    attributes = pack("=IIII", cgroup_fd, program_fd, BPF_CGROUP_DEVICE, 0)
    syscall(numbers.BPF, BPF_PROG_DETACH, attributes, len(attributes), text="bpf(BPF_PROG_DETACH)")


def _memory(content: bytes) -> object:
    memory = buffer(len(content))
    memory[:] = content
    return memory
