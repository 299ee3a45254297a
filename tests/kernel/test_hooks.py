"""Hooks, run."""

import builtins
import os
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.errors import HookFault
from runtime.kernel import numbers
from runtime.kernel.libc import syscall
from runtime.sandbox.hooks import OUTPUT_LIMIT_BYTES, Hook, run_hook, run_hooks, run_poststop

STATE = b'{"id": "c1", "status": "creating"}'


def shell(script: str, *arguments: str, env: tuple[str, ...] = (), timeout_s: float | None = None) -> Hook:
    return Hook("/bin/sh", ("sh", "-c", script, *arguments), env, timeout_s)


def run(hook: Hook, state_json: bytes = STATE) -> None:
    run_hook(hook, state_json, pointer="/hooks/prestart/0")


def fault_of(hook: Hook, state_json: bytes = STATE) -> HookFault:
    with pytest.raises(HookFault) as caught:
        run(hook, state_json)
    return caught.value


def in_a_child(action: Callable[[], object]) -> int:
    """The exit code of a child that did it: 0, or 1 if it raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_hook_reads_the_state_on_its_standard_input(tmp_path: Path) -> None:
    run(shell('cat > "$0"', str(tmp_path / "state")))
    assert (tmp_path / "state").read_bytes() == STATE


def test_what_a_hook_prints_goes_to_the_end_of_the_files_that_are_named(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    out.write_text("before\n")
    both = shell("echo told; echo wrong >&2; exit 3")._replace(files=(str(out), str(err)))
    assert fault_of(both).output == ""
    assert (out.read_text(), err.read_text(), err.stat().st_mode & 0o777) == ("before\ntold\n", "wrong\n", 0o600)
    assert fault_of(both._replace(files=(str(out), None))).output == "wrong"
    assert out.read_text() == "before\ntold\ntold\n"


def test_a_file_that_cannot_be_opened_is_the_hooks_fault(tmp_path: Path) -> None:
    fault = fault_of(shell("true")._replace(files=(str(tmp_path / "nothing/out"), None)))
    assert fault.outcome == "could not be started: No such file or directory"


def test_a_hook_may_open_its_standard_input_by_name(tmp_path: Path) -> None:
    run(shell('cat /dev/stdin > "$0"', str(tmp_path / "state")))
    assert (tmp_path / "state").read_bytes() == STATE


def test_a_hook_that_does_not_read_a_large_state_blocks_nobody() -> None:
    run(shell("exit 0"), b" " * (1 << 20))


@pytest.mark.parametrize("env", [(), ("ONE=1", "PATH=/nowhere", "ONE=2")])
def test_the_environment_is_exactly_what_the_hook_has(env: tuple[str, ...]) -> None:
    hook = Hook("/bin/cat", ("cat", "/proc/self/environ", "/nowhere"), env, None)
    assert fault_of(hook).output.split("cat: ")[0] == "".join(f"{variable}\0" for variable in env)


def test_the_arguments_need_not_begin_with_the_path() -> None:
    hook = Hook("/bin/sh", ("-named", "-c", "tr '\\0' ' ' < /proc/$$/cmdline; exit 1"), (), None)
    assert fault_of(hook).output.startswith("-named -c")


def test_a_hook_that_fails_is_named_with_its_status_and_what_it_printed() -> None:
    fault = fault_of(shell("echo out; echo err >&2; exit 3"))
    assert (fault.pointer, fault.path, fault.outcome) == ("/hooks/prestart/0", "/bin/sh", "exited with status 3")
    assert fault.output == "out\nerr"


def test_a_hook_that_a_signal_ends_is_named_with_it() -> None:
    assert fault_of(shell("kill -9 $$")).outcome == "was killed by signal 9"


@pytest.mark.parametrize(
    ("path", "reason"), [("/nowhere", "No such file or directory"), ("/etc/passwd", "Permission denied")]
)
def test_a_hook_that_cannot_be_executed_says_why(path: str, reason: str) -> None:
    assert fault_of(Hook(path, (path,), (), None)).outcome == f"could not be executed: {reason}"


def test_exiting_with_127_is_not_taken_for_a_failed_execve() -> None:
    assert fault_of(shell("exit 127")).outcome == "exited with status 127"


def test_a_hook_that_outlives_its_timeout_is_killed(tmp_path: Path) -> None:
    hook = shell('echo $$ > "$0"; echo begun >&2; exec sleep 1000', str(tmp_path / "pid"), timeout_s=0.3)
    fault = fault_of(hook)
    assert fault.outcome == "was killed: it had not ended after its timeout of 0.3 s"
    assert fault.output == "begun"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_hook_that_prints_for_ever_is_killed_too() -> None:
    fault = fault_of(Hook("/usr/bin/yes", ("yes",), (), 0.2))
    assert fault.outcome.startswith("was killed: ")


def test_only_the_tail_of_a_long_output_is_kept() -> None:
    fault = fault_of(shell("yes | head -c 1000000 >&2; echo last >&2; exit 1", env=("PATH=/usr/bin:/bin",)))
    assert len(fault.output) <= OUTPUT_LIMIT_BYTES
    assert fault.output.endswith("y\nlast")


def test_what_a_hook_leaves_in_the_background_holds_nobody_up(tmp_path: Path) -> None:
    run(shell('sleep 1000 & echo $! > "$0"', str(tmp_path / "pid"), env=("PATH=/usr/bin:/bin",)))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_a_hook_gets_no_other_descriptor() -> None:
    leaked, other = os.pipe()
    os.set_inheritable(leaked, True)
    inode = os.fstat(leaked).st_ino
    try:
        output = fault_of(Hook("/bin/ls", ("ls", "-l", "/proc/self/fd", "/nowhere"), (), None)).output
    finally:
        os.close(leaked)
        os.close(other)
    assert f"pipe:[{inode}]" not in output
    numbers = [line.split(" -> ")[0].split()[-1] for line in output.splitlines() if " -> " in line]
    assert numbers == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_a_hook_starts_with_default_signals_and_none_blocked() -> None:
    def ignore_and_block() -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        ignored = struct.pack("=4Q", signal.SIG_IGN, 0, 0, 0)
        syscall(numbers.RT_SIGACTION, 32, ignored, None, 8, text="sigaction")  # as only a careless caller can do
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        output = fault_of(
            Hook("/bin/grep", ("grep", "-hs", "Sig[IB]", "/proc/self/status", "/nowhere"), (), None)
        ).output
        fields = dict(line.split(":\t", 1) for line in output.splitlines())
        assert {name: int(mask, 16) for name, mask in fields.items()} == {"SigBlk": 0, "SigIgn": 0}

    assert in_a_child(ignore_and_block) == 0


def test_closed_standard_descriptors_do_not_confuse_a_hook(tmp_path: Path) -> None:
    def close_and_run() -> None:
        os.closerange(0, 3)
        run(shell('cat > "$0"', str(tmp_path / "state"), env=("PATH=/usr/bin:/bin",)))
        assert fault_of(shell("echo err >&2; exit 1")).output == "err"

    assert in_a_child(close_and_run) == 0
    assert (tmp_path / "state").read_bytes() == STATE


def test_no_descriptor_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")
    run(shell("exit 0"))
    fault_of(shell("exit 1"))
    fault_of(Hook("/nowhere", ("x",), (), None))
    assert os.listdir("/proc/self/fd") == before


def test_a_hook_runs_after_imports_are_closed_and_opens_nothing_by_path() -> None:
    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("import", "open", "exec", "compile"):
            os.write(2, f"{event}: {arguments!r}\n".encode())
            os._exit(7)

    def close_imports() -> None:
        sys.meta_path.clear()
        sys.path_hooks.clear()
        del builtins.__import__
        sys.addaudithook(refuse)
        run(shell("exit 0"))
        for hook in (shell("printf '\\377\\344'; exit 1"), Hook("/nowhere/\u00e4", ("\u20ac",), (), 1)):
            try:
                run(hook)
            except HookFault as fault:
                str(fault)
            else:
                os._exit(8)

    assert in_a_child(close_imports) == 0


def test_a_caller_that_ignores_sigchld_hides_no_failure() -> None:
    def ignore() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        run(shell("exit 0"))
        assert fault_of(shell("exit 3")).outcome == "exited with status 3"

    assert in_a_child(ignore) == 0


def test_hooks_of_a_kind_run_in_their_order_until_one_fails(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    hooks = [shell(f'echo {n} >> "$0"; exit {n // 2}', log) for n in (0, 1, 2, 3)]
    with pytest.raises(HookFault) as caught:
        run_hooks(hooks, "createRuntime", STATE)
    assert caught.value.pointer == "/hooks/createRuntime/2"
    assert (tmp_path / "log").read_text().split() == ["0", "1", "2"]


def test_poststop_hooks_run_to_the_last(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    faults = run_poststop([shell(f'echo {n} >> "$0"; exit {n}', log) for n in (1, 0, 2)], STATE)
    assert [fault.pointer for fault in faults] == ["/hooks/poststop/0", "/hooks/poststop/2"]
    assert (tmp_path / "log").read_text().split() == ["1", "0", "2"]
