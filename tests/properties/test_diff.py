"""Whatever the interleaving of commits and looks: each happening once, in order, and what is lost is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from runtime.store.record import MAX_EXECS, MAX_TRANSITIONS, advance, exec_ended, exec_started
from tests.support.records import NOW, exit_of, first_record, process_of
from watcher.diff import events_since, known_from

if TYPE_CHECKING:
    from runtime.store.record import Record
    from watcher.diff import Known

LOOK = ("look", 0)
HAPPENINGS = ("updated", "paused", "resumed", "oom")
commits = st.one_of(
    st.tuples(st.just("transitions"), st.lists(st.sampled_from(HAPPENINGS), max_size=3)),
    st.tuples(st.just("exec"), st.integers(1, 5)),
    st.tuples(st.just("exec end"), st.integers(1, 5)),
    st.tuples(st.just("burst"), st.integers(1, 2 * MAX_TRANSITIONS)),
    st.tuples(st.just("execs"), st.integers(1, 2 * MAX_EXECS)),
)
steps = st.lists(st.one_of(st.just(LOOK), commits), max_size=30)


class Life:
    """A record, and the whole list of what ever happened to it, which the record need not hold any more."""

    def __init__(self) -> None:
        self.record: Record = first_record()
        self.happened: list[tuple[int, int, str]] = []
        self.pids = 1000

    def step(self, kind: str, argument: Any) -> None:
        if kind == "transitions":
            self.transitions(tuple(argument))
        elif kind == "burst":
            for _ in range(argument):
                self.transitions(("updated",))
        elif kind == "exec":
            self.exec_start(argument)
        elif kind == "exec end":
            self.exec_end(argument)
        else:
            for _ in range(argument):
                self.pids += 1
                self.exec_start(self.pids)
                self.exec_end(self.pids)

    def transitions(self, happenings: tuple[Any, ...]) -> None:
        self.record = advance(self.record, now=NOW, happenings=happenings)
        self.happened += [(self.record["generation"], n, each) for n, each in enumerate(happenings)]

    def exec_start(self, pid: int) -> None:
        if not any(each["process"]["pid"] == pid for each in self.record["execs"]):
            self.record = exec_started(self.record, process_of(pid), now=NOW)
            self.happened.append((self.record["generation"], 0, "exec.started"))

    def exec_end(self, pid: int) -> None:
        following = exec_ended(self.record, process_of(pid), exit_of(0), now=NOW)
        if following is not self.record:
            self.record = following
            self.happened.append((self.record["generation"], 0, "exec.ended"))


def look(known: Known | None, record: Record) -> tuple[list[tuple[int, int, str]], int]:
    news = events_since(known, record)
    assert news.lost is not None
    return [(each.generation, each.n, each.type) for each in news.happenings], news.lost


@given(steps)
def test_each_happening_is_told_once_and_in_order_and_what_is_lost_is_counted(plan):
    life = Life()
    known: Known | None = None
    told: list[tuple[int, int, str]] = []
    lost = 0
    for kind, argument in [*plan, LOOK]:
        if kind != "look":
            life.step(kind, argument)
            continue
        found, missed = look(known, life.record)
        told += found
        lost += missed
        known = known_from(life.record)
    assert told == sorted(set(told)), "in order, and none twice"
    assert set(told) <= set(life.happened)
    assert len(told) + lost == len(life.happened)


@given(steps)
def test_whoever_looks_after_each_commit_loses_nothing(plan):
    life = Life()
    known = known_from(life.record)
    told: list[tuple[int, int, str]] = []
    for kind, argument in plan:
        if kind not in ("look", "burst", "execs"):
            life.step(kind, argument)
            found, missed = look(known, life.record)
            assert missed == 0
            told += found
            known = known_from(life.record)
    assert told == life.happened
