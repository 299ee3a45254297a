"""For all tests: a session that leaves nothing behind, and what each test needs of the machine."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import needs, session
from tests.support.cgroups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.register_assert_rewrite("tests.support.stage", "tests.support.telling", "tests.support.truth")

# a busy machine is no defect of the code; CI judges a change, so it tries the same examples each time
hypothesis.settings.register_profile("runf", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("runf")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Some tests have a long form, for targets of their own."""
    parser.addoption("--in-full", action="store_true", help="what has a short form runs in its long one")


@pytest.fixture
def in_full(request: pytest.FixtureRequest) -> bool:
    """Whether tests that have a short form run in their long one."""
    return bool(request.config.getoption("--in-full"))


@pytest.fixture
def groups() -> Iterator[Groups]:
    """Real cgroups, with real processes in them, which are gone afterwards."""
    made = Groups()
    yield made
    made.clean_up()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a figure, whoever captures."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f" [{text}]", end="")

    return say


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Begin the session before there are threads; xdist's workers, which have some, belong to it already."""
    if not hasattr(config, "workerinput"):
        session.begin()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a misspelt RUNF_TEST_MUST_HAVE, which would demand nothing; take back what nohup(1) or a `&` has ignored.

    A shell in a container can't trap what was ignored when it started.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    config.addinivalue_line("markers", "needs(name, ...): what the test needs of the machine (tests/support/needs.py)")
    try:
        needs.must_have()
    except ValueError as error:
        raise pytest.UsageError(f"{needs.MUST_HAVE}: {error}") from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, in words, or fail what can't be tested here."""
    for mark in item.iter_markers("needs"):
        needs.require(*mark.args)
