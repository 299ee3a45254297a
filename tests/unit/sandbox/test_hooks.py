"""Hooks of config.json as plain values."""

import pytest

from runtime.errors import HookFault, SpecFault
from runtime.sandbox import hooks
from runtime.sandbox.hooks import KINDS, Hook, plan_hooks


def test_every_kind_is_planned_even_where_there_is_none() -> None:
    assert plan_hooks({}) == dict.fromkeys(hooks.KINDS, ())
    assert plan_hooks({"hooks": {}}) == dict.fromkeys(hooks.KINDS, ())


def test_a_hook_without_arguments_gets_its_path_as_the_only_one() -> None:
    planned = plan_hooks({"hooks": {"poststop": [{"path": "/bin/a"}, {"path": "/bin/b", "args": []}]}})
    assert planned["poststop"] == (Hook("/bin/a", ("/bin/a",), None, None), Hook("/bin/b", ("/bin/b",), None, None))


def test_only_hooks_of_the_runtime_inherit_an_environment() -> None:
    planned = plan_hooks({"hooks": {kind: [{"path": "/bin/a"}] for kind in KINDS}})
    assert {kind for kind in KINDS if planned[kind][0].env is not None} == {"createContainer", "startContainer"}


def test_a_hook_keeps_its_arguments_environment_and_timeout() -> None:
    hook = {"path": "/bin/a", "args": ["b", "c"], "env": ["K=V", "K=W", "no-sign"], "timeout": 3}
    assert plan_hooks({"hooks": {"prestart": [hook]}})["prestart"] == (
        Hook("/bin/a", ("b", "c"), ("K=V", "K=W", "no-sign"), 3),
    )


@pytest.mark.parametrize(
    ("hook", "member"),
    [
        ({"path": "/bin/a\0b"}, "path"),
        ({"path": "/bin/a", "args": ["\ud800"]}, "args"),
        ({"path": "/bin/a", "env": ["K=\0"]}, "env"),
    ],
)
def test_a_text_that_no_program_can_be_given_is_refused_at_its_pointer(hook: dict[str, object], member: str) -> None:
    with pytest.raises(SpecFault) as caught:
        plan_hooks({"hooks": {"poststart": [{"path": "/bin/true"}, hook]}})
    assert caught.value.pointer == f"/hooks/poststart/1/{member}"


def test_hooks_run_in_order_and_the_first_failure_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def run_hook(hook: Hook, state_json: bytes, *, pointer: str) -> None:
        ran.append((hook.path, state_json, pointer))
        if hook.path == "/b":
            raise HookFault(pointer, hook.path, "exited with status 1")

    monkeypatch.setattr(hooks, "run_hook", run_hook)
    with pytest.raises(HookFault, match="/b"):
        hooks.run_hooks([Hook(path, (path,), (), None) for path in ("/a", "/b", "/c")], "prestart", b"{}")
    assert ran == [("/a", b"{}", "/hooks/prestart/0"), ("/b", b"{}", "/hooks/prestart/1")]


def test_poststop_hooks_all_run_and_their_failures_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_hook(hook: Hook, state_json: bytes, *, pointer: str) -> None:
        if hook.path != "/b":
            raise HookFault(pointer, hook.path, "exited with status 1")

    monkeypatch.setattr(hooks, "run_hook", run_hook)
    faults = hooks.run_poststop([Hook(path, (path,), (), None) for path in ("/a", "/b", "/c")], b"{}")
    assert [(fault.path, fault.pointer) for fault in faults] == [
        ("/a", "/hooks/poststop/0"),
        ("/c", "/hooks/poststop/2"),
    ]


def test_annotations_name_files_for_those_that_the_parent_runs() -> None:
    asked = {kind: [{"path": "/x"}] for kind in KINDS}
    annotations = {"run.oci.hooks.stdout": "/o", "run.oci.hooks.stderr": "/e"}
    planned = plan_hooks({"hooks": asked, "annotations": annotations})
    inside = ("createContainer", "startContainer")
    assert {kind: hook.files for kind, (hook,) in planned.items()} == {
        kind: (None, None) if kind in inside else ("/o", "/e") for kind in KINDS
    }
