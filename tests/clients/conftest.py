"""Real clients, each case once with each runtime, so that runf stands beside what it replaces.

    pytest tests/clients --client-results docs/clients/results.md

They take minutes, and so run only where they are named.  A case that fails with runc or crun says something about
the machine, and is no failure here; where it fails with runc, it may fail with runf too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.engines import ENGINES, PODMAN, PROGRAMS
from tests.clients.results import Results
from tests.support.image import write_image
from tests.support.machine import Machine, has_installed_runf
from tests.support.needs import require

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tests.clients.engines import Engine

HERE = Path(__file__).parent
# in this order, so that it is known what fails with runc when runf is tried
RUNTIMES = ("runc", "crun", "runf")
FAILED = pytest.StashKey[set[str]]()
RESULTS = pytest.StashKey[Results]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--client-results", metavar="FILE", help="write what passed with which runtime to FILE")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FAILED] = set()
    config.stash[RESULTS] = Results()
    config.addinivalue_line("markers", "clients(name, ...): the only ones that a case is for, of its module's CLIENTS")
    config.pluginmanager.register(Reporter(config.stash[RESULTS]))


class Reporter:
    """Hears of every test, in a process with workers too."""

    def __init__(self, results: Results) -> None:
        self.results = results

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.results.add(report)


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave them alone unless somebody names them."""
    named = [Path(argument.split("::")[0]).parts for argument in config.args]
    return None if any("clients" in parts for parts in named) else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if {"client", "runtime"} <= set(metafunc.fixturenames):
        only = metafunc.definition.get_closest_marker("clients")
        clients = only.args if only else metafunc.module.CLIENTS
        runtimes = getattr(metafunc.module, "RUNTIMES", RUNTIMES)
        pairs = [(client, runtime) for client in clients for runtime in runtimes if _is_worth_it(runtime, client)]
        metafunc.parametrize(("client", "runtime"), pairs, indirect=True)


def _is_worth_it(runtime: str, client: str) -> bool:
    """crun stands beside runf with podman only, whose natural runtime it is."""
    return runtime != "crun" or client == PODMAN


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and isinstance(item, pytest.Function):
            # runf is compared with runc in one process, and a daemon serves all of its client's tests
            item.add_marker(pytest.mark.xdist_group(item.callspec.params["client"]))
            item.add_marker(pytest.mark.needs("root", "cgroups", "program:unshare", "program:busybox"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not isinstance(item, pytest.Function) or "runtime" not in getattr(item, "callspec", _NONE).params:
        return report
    runtime = item.callspec.params["runtime"]
    case = item.originalname.removeprefix("test_").replace("_", " ")
    rest = [str(value) for name, value in item.callspec.params.items() if name not in ("runtime", "client")]
    report.user_properties += [
        ("client", item.callspec.params["client"]),
        ("case", " ".join([case, *(f"`{text}`" for text in rest)])),
        ("runtime", runtime),
    ]
    if report.failed and report.when == "call" and not item.config.option.runxfail:
        _judge(item, report, runtime)
    return report


class _NONE:
    params: dict[str, Any] = {}


def _judge(item: pytest.Function, report: pytest.TestReport, runtime: str) -> None:
    """A failure that says nothing about runf is expected."""
    failed = item.config.stash[FAILED]
    name = item.nodeid.replace(runtime, "runc")
    if runtime == "runf":
        why = "it fails with runc too on this machine" if name in failed else None
    else:
        why = f"this machine, or {runtime}"
        if runtime == "runc":
            failed.add(name)
    if why is not None:
        report.outcome = "skipped"
        report.wasxfail = why  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--client-results", None)
    if path and not hasattr(session.config, "workerinput"):
        session.config.stash[RESULTS].write(Path(path))


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with an image in /mnt/box.tar."""
    if not has_installed_runf():
        pytest.skip("needs the installed runf: make install")
    image = tmp_path_factory.mktemp("image") / "box.tar"
    write_image(image)
    made = Machine()
    try:
        made.path("/mnt/box.tar").write_bytes(image.read_bytes())
        yield made
    finally:
        made.close()


@pytest.fixture
def client(request: pytest.FixtureRequest) -> str:
    """Whom the case is about; a case that needs no engine of it may leave the name alone."""
    found: str = request.param
    return found


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> str:
    """The name of the runtime that the client calls."""
    found: str = request.param
    return found


@pytest.fixture(scope="session")
def engines_set_up() -> set[str]:
    """The engines that were set up in the machine."""
    return set()


@pytest.fixture
def engine_of(engines_set_up: set[str], request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], Engine]]:
    """Makes an engine with one runtime, by their names."""
    made: list[Engine] = []

    def make(client: str, runtime: str) -> Engine:
        require(*(f"program:{name}" for name in (*PROGRAMS[client], *([] if runtime == "runf" else [runtime]))))
        machine = request.getfixturevalue("machine")
        if client not in engines_set_up:
            ENGINES[client].set_up(machine)
            engines_set_up.add(client)
        made.append(ENGINES[client](machine, runtime))
        made[-1].client = client
        return made[-1]

    try:
        yield make
    finally:
        for engine in made:
            engine.clean()


@pytest.fixture
def engine(client: str, runtime: str, engine_of: Callable[[str, str], Engine]) -> Engine:
    """The engine of the case."""
    return engine_of(client, runtime)
