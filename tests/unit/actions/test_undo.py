"""Undo steps run last first, and their own failures never hide the first fault."""

from __future__ import annotations

from runtime.actions.undo import Undo


def test_steps_run_last_first() -> None:
    ran: list[str] = []
    undo = Undo()
    undo.push("first", lambda: ran.append("first"))
    undo.push("second", lambda: ran.append("second"))
    undo.unwind(ValueError("the fault"))
    assert ran == ["second", "first"]


def test_a_failing_step_becomes_a_note_and_the_others_still_run() -> None:
    ran: list[str] = []
    undo = Undo()
    undo.push("keeps its turn", lambda: ran.append("kept"))

    def fail() -> None:
        raise OSError("busy")

    undo.push("removing the cgroup", fail)
    fault = ValueError("the fault")
    undo.unwind(fault)
    assert ran == ["kept"]
    assert fault.__notes__ == ["while undoing (removing the cgroup): busy"]


def test_forgotten_steps_do_not_run() -> None:
    ran: list[str] = []
    undo = Undo()
    undo.push("anything", lambda: ran.append("ran"))
    undo.forget()
    undo.unwind(ValueError("the fault"))
    assert ran == []
