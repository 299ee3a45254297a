"""Signals that are read from an fd while they are blocked."""

import os
import select
import signal

from runtime.kernel.signals import signalfd, take_signals
from tests.support.forked import in_child

WANTED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGRTMAX)


def test_blocked_signals_are_read_once_each_and_take_no_effect() -> None:
    def read() -> list[object]:
        signal.pthread_sigmask(signal.SIG_BLOCK, WANTED)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # what is blocked arrives all the same
        fd = signalfd(WANTED)
        before = take_signals(fd)
        for number in WANTED:
            os.kill(os.getpid(), number)
        is_ready = bool(select.select([fd], [], [], 0)[0])
        return [before, is_ready, sorted(take_signals(fd)), take_signals(fd), os.get_inheritable(fd)]

    assert in_child(read) == [[], True, sorted(WANTED), [], False]
