"""The device rules of cgroup v2 as a BPF program.  Pure.

The last rule that matches decides, so the program asks them from the last to the first and returns its answer:
1 for allowed, 0 for refused.  What no rule matches is allowed, as on v1, where a cgroup starts with everything.

    r1 -> {u32 access << 16 | type, u32 major, u32 minor}       struct bpf_cgroup_dev_ctx
    r2 type   r3 access   r4 major   r5 minor

Source: linux/bpf.h, Documentation/bpf/standardization/instruction-set.rst of Linux.
"""

from __future__ import annotations

from _struct import pack

from runtime.cgroups.devices import ALL_ACCESS, ANY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.cgroups.devices import Rule

BPF_DEVCG_ACC = {"m": 1, "r": 2, "w": 4}
BPF_DEVCG_DEV = {"b": 1, "c": 2}

LDX_MEM_W = 0x61
MOV32_REG, MOV64_IMM = 0xBC, 0xB7
AND32_IMM, RSH32_IMM = 0x54, 0x74
JEQ_IMM, JNE_IMM = 0x15, 0x55
EXIT = 0x95
R0, R1, TYPE, ACCESS, MAJOR, MINOR, SCRATCH = 0, 1, 2, 3, 4, 5, 6


def program(rules: Sequence[Rule]) -> bytes:
    """The program for ``rules``, in their order in config.json."""
    code = [
        _instruction(LDX_MEM_W, TYPE, R1, 0),
        _instruction(MOV32_REG, ACCESS, TYPE),
        _instruction(AND32_IMM, TYPE, immediate=0xFFFF),
        _instruction(RSH32_IMM, ACCESS, immediate=16),
        _instruction(LDX_MEM_W, MAJOR, R1, 4),
        _instruction(LDX_MEM_W, MINOR, R1, 8),
    ]
    for rule in reversed(rules):
        code += _answer(rule)
        if rule.kind == "a":
            return b"".join(code)  # the verifier refuses what can't be reached
    return b"".join((*code, _instruction(MOV64_IMM, R0, immediate=1), _instruction(EXIT)))


def _answer(rule: Rule) -> list[bytes]:
    """Return the rule's verdict where all of its conditions hold, else go on behind it.

    An access of several kinds is allowed only by a rule with all of them, and refused by a rule with any.
    """
    verdict = [_instruction(MOV64_IMM, R0, immediate=int(rule.allow)), _instruction(EXIT)]
    mask = sum(BPF_DEVCG_ACC[letter] for letter in rule.access)
    conditions = []
    if rule.kind != "a":
        conditions.append([(JNE_IMM, TYPE, 0, BPF_DEVCG_DEV[rule.kind])])
        for register, number in ((MAJOR, rule.major), (MINOR, rule.minor)):
            if number != ANY:
                conditions.append([(JNE_IMM, register, 0, number)])
        if set(rule.access) != set(ALL_ACCESS):
            conditions.append(_access_condition(mask, allow=rule.allow))
    flat = [step for condition in conditions for step in condition]
    code = []
    for place, (opcode, destination, source, immediate) in enumerate(flat):
        is_jump = opcode in (JEQ_IMM, JNE_IMM)
        offset = len(flat) - place - 1 + len(verdict) if is_jump else 0
        code.append(_instruction(opcode, destination, source, offset, immediate))
    return [*code, *verdict]


def _access_condition(mask: int, *, allow: bool) -> list[tuple[int, int, int, int]]:
    if allow:
        # every kind asked for must be among the rule's: nothing is left without them
        return [
            (MOV32_REG, SCRATCH, ACCESS, 0),
            (AND32_IMM, SCRATCH, 0, ~mask & 7),
            (JNE_IMM, SCRATCH, 0, 0),
        ]
    # any kind asked for among the rule's: jump on only if what they share is nothing
    return [
        (MOV32_REG, SCRATCH, ACCESS, 0),
        (AND32_IMM, SCRATCH, 0, mask),
        (JEQ_IMM, SCRATCH, 0, 0),
    ]


def _instruction(opcode: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return pack("=BBhi", opcode, source << 4 | destination, offset, immediate)
