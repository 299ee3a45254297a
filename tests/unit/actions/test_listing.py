"""``list``: what a glance at the texts tells is what the records and the kernel's evidence tell."""

from __future__ import annotations

import os
import re
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runtime.actions import listing as listings
from runtime.actions.identity import identify
from runtime.actions.listing import BRIEF, Filters, listing
from runtime.errors import BadRecord
from runtime.glance import matcher
from runtime.roots import Roots
from runtime.store.store import Store
from schemas.generated import state_text
from tests.support.records import commit, exit_of, process_of, publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.store.record import Process

MATCH = re.compile(state_text.PATTERN).fullmatch


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(str(tmp_path / "root"), make=True)) as opened:
        yield opened


@pytest.fixture
def gone() -> Process:
    """A process of this very namespace that has been reaped."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    found = identify(pid)
    os.waitpid(pid, 0)
    return found


def both(store: Store, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[Any]:
    """The listing without the expression and with it; and how many records were decoded then."""
    context: Any = SimpleNamespace(roots=Roots(store.root))
    decoded: list[str | None] = []
    parse = listings.parse

    def counting(data: bytes, container_id: str | None) -> Any:
        decoded.append(container_id)
        return parse(data, container_id)

    monkeypatch.setattr(listings, "matcher", lambda *_: None)
    slow = listing(context, brief=True, **options)
    monkeypatch.setattr(listings, "matcher", lambda *_: MATCH)
    monkeypatch.setattr(listings, "parse", counting)
    quick = listing(context, brief=True, **options)
    assert quick[0] == slow[0]
    assert [str(each) for each in quick[1]] == [str(each) for each in slow[1]]
    return [*quick, decoded]


def test_a_container_whose_process_has_gone_is_told_without_decoding(
    store: Store, gone: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, "web")
    commit(store, "web", status="created", happenings=("created",), process=gone, pid=gone["pid"])
    for number, status in enumerate(("running", "paused")):
        commit(store, "web", status=status)
        answers, faults, decoded = both(store, monkeypatch)
        assert (len(answers), faults, decoded) == (1, [], []), number
        assert (answers[0]["pid"], answers[0]["status"]) == (0, "stopped")
        assert tuple(answers[0]) == BRIEF


def test_so_is_one_that_has_stopped_and_one_of_another_boot(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, "of-another-boot")
    commit(store, "of-another-boot", status="created", process=process_of(1), pid=1)
    publish(store, "stopped")
    commit(store, "stopped", status="stopped", pid=7)
    answers, _, decoded = both(store, monkeypatch)
    assert [(each["id"], each["pid"], each["status"]) for each in answers] == [
        ("of-another-boot", 0, "stopped"),
        ("stopped", 7, "stopped"),
    ]
    assert decoded == []


@pytest.mark.parametrize("status", ["running", "paused"])
def test_so_is_one_that_lives(store: Store, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    me = identify(os.getpid())
    publish(store, "web")
    commit(store, "web", status=status, process=me, pid=me["pid"], maker=None)
    answers, _, decoded = both(store, monkeypatch)
    assert [(each["pid"], each["status"], decoded) for each in answers] == [(me["pid"], status, [])]


def test_whatever_is_in_doubt_is_decoded_and_judged(
    store: Store, gone: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, "web", maker=identify(os.getpid()))
    commit(store, "web", status="created", process=gone, pid=gone["pid"], maker=identify(os.getpid()))
    answers, _, decoded = both(store, monkeypatch)
    assert [(each["status"], decoded) for each in answers] == [("stopped", ["web"])]


def test_an_unreadable_record_is_named_and_passed_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bad", "good", "misnamed"):
        publish(store, name)
        commit(store, name, status="stopped", exit=exit_of(0))
    os.truncate(f"{store.root}/bad/state.json", 100)
    os.rename(f"{store.root}/misnamed", f"{store.root}/other")
    answers, faults, decoded = both(store, monkeypatch)
    assert [each["id"] for each in answers] == ["good"]
    assert [type(each) for each in faults] == [BadRecord, BadRecord]
    assert decoded == ["bad", "other"]


def test_filters_and_whole_answers_see_the_whole_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, "web", annotations={"a": "b"})
    publish(store, "db")
    answers, _, decoded = both(store, monkeypatch, filters=Filters(annotations={"a": "b"}))
    assert [each["id"] for each in answers] == ["web"]
    assert decoded == ["db", "web"]
    context: Any = SimpleNamespace(roots=Roots(store.root))
    assert all("transitions" in each for each in listing(context)[0])


def test_the_source_tree_has_no_expression_compiled() -> None:
    assert matcher(state_text.CODE, state_text.GROUPS) is None
