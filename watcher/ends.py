"""The ends of processes, committed at once, with their exit codes, by whoever is not their parent.

    who or what ends                 what is committed
    the first process                stopped, with the code; after somebody else's `stopped` without it: exit
    a process of exec                its end, with the code
    the maker, or the starter        what the evidence says of a container that nobody has in hand any more

While the command that makes or starts a container lives, the end is in its hands: `stopped` must not come before its
`started`. An end is kept until that command has committed, or is dead itself. Everything is decided under the
container's lock; where that is taken, it is tried again a moment later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.actions import evidence, status
from runtime.actions.look import is_foreign
from runtime.actions.oomkills import judged, with_kills
from runtime.errors import BadRecord, Fault, NoSuchContainer
from runtime.kernel import clock
from runtime.store.record import UNKNOWN_EXIT, exec_ended
from runtime.store.record import ended as end_record
from watcher.deciding import decide_now
from watcher.exits import EXEC, HAND, INIT, Ended, Exits, Followed
from watcher.handed import Handed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.actions.evidence import Observer
    from runtime.store.record import Process, Record
    from runtime.store.store import Held, Store
    from watcher.kept import Kept
    from watcher.ooms import Later
    from watcher.snapshot import Snapshot

SOON_S = 0.02


class Ends:
    """Follows the processes of every life, and commits how they end; ``fd`` polls readable when one has."""

    def __init__(self, store: Store, *, later: Later = lambda delay_s, act: None, kept: Kept | None = None) -> None:
        self._store = store
        self._later = later  # has something done after some seconds
        self._soon: set[str] = set()  # the instances of ends, or EXEC, that are tried again then
        self._here: Observer = evidence.observer(store.proc)
        self._exits = Exits(store.proc, Handed(store.fds.root, kept), kept)
        self._kept: dict[str, Ended] = {}
        self._kept_execs: list[Ended] = []
        self._unsettled: dict[str, str] = {}  # ids by instance
        self.fd = self._exits.fd

    @property
    def followed(self) -> int:
        """How many processes are followed."""
        return len(self._exits)

    def unfinished(self) -> Iterator[Followed]:
        """Those whose end is still to be told, or to be committed."""
        yield from self._exits.followed()
        for ended in (*self._kept.values(), *self._kept_execs):
            yield ended.followed

    def close(self) -> None:
        """Close all pidfds."""
        self._exits.close()

    def follow(self, record: Record) -> bool:
        """Get a pidfd of every process of the life; whether there may be something to settle now."""
        wanted = self._processes(record)
        # most records bring no process and take none away
        unfollowed = [] if self._exits.are_all(record["instance"], wanted) else self._follow(record["instance"], wanted)
        # nobody but the process itself tells that another runtime's container has started
        is_waiting = record["status"] == "created" and is_foreign(record)
        is_incomplete = bool(unfollowed) and (record["status"] != "stopped" or EXEC in unfollowed)
        return record["instance"] in self._kept or is_waiting or is_incomplete

    def _follow(self, instance: str, wanted: list[Followed]) -> list[str]:
        """Follow these alone; the roles of those whose end no pidfd will tell."""
        self._exits.retain(instance, wanted)
        unfollowed = []
        for followed in wanted:
            if self._is_foreign(followed.process):
                continue  # a pid of another namespace says nothing here
            if not (self._is_of_this_boot(followed.process) and self._exits.follow(followed)):
                unfollowed.append(followed.role)
        return unfollowed

    def _processes(self, record: Record) -> list[Followed]:
        """Those whose end is still to be known."""
        container_id, instance = record["id"], record["instance"]
        found: list[tuple[str, Process | None]] = [(HAND, record["maker"]), (HAND, record["starter"])]
        kept = self._kept.get(instance)
        if record["exit"]["code"] is None and (kept is None or kept.followed.process != record["process"]):
            found.append((INIT, record["process"]))
        found += [(EXEC, each["process"]) for each in record["execs"] if each["ended"] is None]
        return [Followed(container_id, instance, role, process) for role, process in found if process is not None]

    def _is_of_this_boot(self, process: Process) -> bool:
        return not evidence.is_of_another_boot(process, self._here)

    def _is_foreign(self, process: Process) -> bool:
        return self._is_of_this_boot(process) and not evidence.is_comparable(process, self._here)

    def read(self) -> None:
        """Commit, or keep, what has ended since the last call."""
        for ended in self._exits.read():
            followed = ended.followed
            if followed.role == EXEC:
                self._end_exec(ended)
                continue
            if followed.role == INIT:
                self._kept[followed.instance] = ended
            self._settle(followed.container_id, followed.instance)

    def settle(self, record: Record) -> None:
        """Commit what is known or found about a life that ``follow`` was unsure of."""
        for each in record["execs"]:
            if each["ended"] is None:
                self._find_exec(record, each["process"])
        self._settle(record["id"], record["instance"])

    def retry(self, snapshot: Snapshot) -> None:
        """Try again what could not be committed or followed."""
        self._exits.take_handed()
        self._retry_execs()
        for instance, ended in list(self._kept.items()):
            self._settle(ended.followed.container_id, instance)
        for instance, container_id in list(self._unsettled.items()):
            record = snapshot.find(container_id)
            if record is None or record["instance"] != instance:
                del self._unsettled[instance]
            elif self.follow(record) or record["status"] == "created":
                self._settle(container_id, instance)

    def _retry_execs(self) -> None:
        execs, self._kept_execs = self._kept_execs, []
        for ended in execs:
            self._end_exec(ended)

    def _try_soon(self, what: str) -> None:
        """The lock is held, most often by a command that has committed already: nothing else tells of its release."""
        if what not in self._soon:
            self._soon.add(what)
            self._later(SOON_S, lambda: self._try_again(what))

    def _try_again(self, what: str) -> None:
        self._soon.discard(what)
        if what == EXEC:
            self._retry_execs()
        elif what in self._kept:
            self._commit_end(self._kept[what])

    def _settle(self, container_id: str, instance: str) -> None:
        if instance in self._kept:
            self._commit_end(self._kept[instance])
        else:
            self._correct(container_id, instance)

    def _commit_end(self, ended: Ended) -> None:
        followed = ended.followed
        try:
            held = self._store.try_locked(followed.container_id)
            if held is None:
                self._try_soon(followed.instance)
                return
            with held:
                if held.record["instance"] == followed.instance:
                    self._commit_end_of(held, ended)
                    return
        except (NoSuchContainer, BadRecord):
            pass  # deleted by now: its last record can still learn the code
        except (Fault, OSError):
            return  # no space, or not ours to write: it is kept until the next retry
        self._commit_last(ended)

    def _commit_end_of(self, held: Held, ended: Ended) -> None:
        record = held.record
        if record["process"] != ended.followed.process:
            del self._kept[ended.followed.instance]  # its maker has begun it anew since
            return
        if self._is_in_hands(record):
            return
        told = with_kills(record, now=clock.now())
        if told is not None:
            held.commit(told)
            record = told
        following = end_record(
            record,
            exit=judged(ended.exit, record),
            finished=ended.time,
            precision=ended.precision,
            now=clock.now(),
        )
        if following is not None:
            held.commit({**following, "fault": status.INTERRUPTED} if record["status"] == "creating" else following)
        del self._kept[ended.followed.instance]

    def _commit_last(self, ended: Ended) -> None:
        followed = ended.followed
        try:
            self._store.commit_exit(
                followed.container_id,
                followed.instance,
                process=followed.process,
                exit=ended.exit,
                finished=ended.time,
                precision=ended.precision,
                now=clock.now(),
                wait_s=0,
            )
        except BadRecord:
            pass  # it can't learn anything any more
        except (Fault, OSError):
            return
        del self._kept[followed.instance]

    def _is_in_hands(self, record: Record) -> bool:
        if record["status"] == "stopped":
            return False
        return any(evidence.is_alive(each, self._here) for each in (record["maker"], record["starter"]))

    def _correct(self, container_id: str, instance: str) -> None:
        """Commit what the evidence says of a container that nobody has in hand."""
        try:
            if not decide_now(self._store, container_id, instance, self._correct_held):
                self._unsettled[instance] = container_id
        except (NoSuchContainer, BadRecord):
            self._unsettled.pop(instance, None)  # gone, or unreadable: nothing to correct

    def _correct_held(self, held: Held) -> None:
        record = held.record
        found = evidence.gather(record, self._here, self._store.fds.root)._replace(execs=())  # theirs is told apart
        seen = status.observe(record, found, now=clock.now())
        if seen.truth is not record and seen.verified and not seen.in_hands and not self._will_be_told(record, seen):
            held.commit(seen.truth)
            record = seen.truth
        # a starter that was killed may leave a gate that opens a moment later: only asking again can tell
        if record["status"] == "created" or (self._exits.lacks_fds and record["status"] != "stopped"):
            self._unsettled[record["instance"]] = record["id"]
        else:
            self._unsettled.pop(record["instance"], None)

    def _will_be_told(self, record: Record, seen: status.Observation) -> bool:
        """Whether the end will come through a pidfd, with its code."""
        process = record["process"]
        if seen.truth["status"] != "stopped" or record["status"] == "creating" or process is None:
            return False
        return self._exits.is_followed(Followed(record["id"], record["instance"], INIT, process))

    def _find_exec(self, record: Record, process: Process) -> None:
        """End an exec that no pidfd can tell of: it ended before we came."""
        followed = Followed(record["id"], record["instance"], EXEC, process)
        if self._is_foreign(process) or self._exits.is_followed(followed):
            return
        if self._is_of_this_boot(process) and evidence.is_alive(process, self._here):
            return
        self._end_exec(_found_dead(followed))

    def _end_exec(self, ended: Ended) -> None:
        followed = ended.followed
        try:
            held = self._store.try_locked(followed.container_id)
            if held is None:
                self._kept_execs.append(ended)
                self._try_soon(EXEC)
                return
            with held:
                if held.record["instance"] == followed.instance:
                    _commit_exec(held, ended)
                    return
        except (NoSuchContainer, BadRecord):
            pass  # deleted by now: its last record can still learn how its processes ended
        except (Fault, OSError):
            self._kept_execs.append(ended)
            return
        self._commit_last_exec(ended)

    def _commit_last_exec(self, ended: Ended) -> None:
        followed = ended.followed
        try:
            self._store.commit_exec_end(
                followed.container_id, followed.instance, followed.process, ended.exit, now=ended.time, wait_s=0
            )
        except BadRecord:
            return  # it can't learn anything any more
        except (Fault, OSError):
            self._kept_execs.append(ended)


def _commit_exec(held: Held, ended: Ended) -> None:
    following = exec_ended(held.record, ended.followed.process, ended.exit, now=ended.time)
    if following is not held.record:
        held.commit(following)


def _found_dead(followed: Followed) -> Ended:
    return Ended(followed, UNKNOWN_EXIT, clock.now(), "observed")
