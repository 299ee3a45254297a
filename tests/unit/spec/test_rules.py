"""Rules of the whole document, the process, the mounts and the hooks: what breaks them is named with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.errors import SpecFault
from runtime.spec.bundle import parse_config
from runtime.spec.rules import find_faults, is_semantic_version
from tests.support.bundles import make_config


def parse(**changes: Any) -> Any:
    return parse_config(json.dumps(make_config(**changes)).encode(), "/bundle")


def refusal(**changes: Any) -> SpecFault:
    with pytest.raises(SpecFault) as caught:
        parse(**changes)
    return caught.value


def test_a_relative_working_directory_is_refused_with_an_example() -> None:
    fault = refusal(process={"cwd": "tmp"})

    assert str(fault) == 'config.json#/process/cwd: "tmp" is not absolute; write an absolute path such as "/tmp"'


def test_a_value_of_the_wrong_type_is_refused_at_its_place() -> None:
    assert refusal(process={"user": {"uid": "root"}}).pointer == "/process/user/uid"


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.1.0-rc.2+build.7", "1.99.0"])
def test_every_version_1_is_accepted(version: str) -> None:
    assert parse(ociVersion=version)["ociVersion"] == version


@pytest.mark.parametrize(
    "version", ["0.9.0", "2.0.0", "10.0.0", "1.0", "1", "v1.0.0", "1.0.0-", "01.0.0", "1.0.0-01", "1.٣.0"]
)
def test_other_versions_are_refused(version: str) -> None:
    assert refusal(ociVersion=version).pointer == "/ociVersion"


def test_a_missing_version_is_refused() -> None:
    assert "ociVersion" in refusal(ociVersion=None).message


@pytest.mark.parametrize("version", ["0.0.0", "1.2.3-x-y.z.0", "1.2.3+001", "1.2.3-0a", "1.2.3--"])
def test_semantic_versions_are_known(version: str) -> None:
    assert is_semantic_version(version)


@pytest.mark.parametrize("member", ["process", "root"])
def test_what_create_needs_is_demanded(member: str) -> None:
    assert member in refusal(**{member: None}).message


def test_a_hostname_without_a_uts_namespace_is_refused() -> None:
    fault = refusal(linux={"namespaces": [{"type": "mount"}]}, rootless=False)

    assert fault.pointer == "/hostname"
    assert "uts" in fault.hint


def test_a_hostname_longer_than_the_kernel_takes_is_refused() -> None:
    assert refusal(hostname="ä" * 33).pointer == "/hostname"


def test_a_domain_name_follows_the_same_rule() -> None:
    fault = refusal(hostname=None, domainname="x", linux={"namespaces": [{"type": "mount"}]}, rootless=False)

    assert fault.pointer == "/domainname"


def test_an_annotation_without_a_key_is_refused() -> None:
    assert refusal(annotations={"": "x"}).pointer == "/annotations"


def test_a_hook_by_a_relative_path_is_refused() -> None:
    assert refusal(hooks={"poststop": [{"path": "/a"}, {"path": "b"}]}).pointer == "/hooks/poststop/1/path"


def test_a_hook_needs_a_positive_timeout() -> None:
    assert refusal(hooks={"poststart": [{"path": "/a", "timeout": 0}]}).pointer == "/hooks/poststart/0/timeout"


def test_a_hook_has_a_proper_environment() -> None:
    assert refusal(hooks={"prestart": [{"path": "/a", "env": ["A=1", "B"]}]}).pointer == "/hooks/prestart/0/env/1"


def test_a_bind_mount_needs_a_source() -> None:
    assert refusal(mounts=[{"destination": "/a", "type": "none", "options": ["bind"]}]).pointer == "/mounts/0"


def test_a_mount_needs_a_type() -> None:
    assert refusal(mounts=[{"destination": "/a", "source": "/b"}]).pointer == "/mounts/0"


@pytest.mark.parametrize("options", [["remount", "ro"], ["rslave"]])
def test_a_mount_that_changes_another_needs_no_type(options: list[str]) -> None:
    assert parse(mounts=[{"destination": "/a", "options": options}])["mounts"][0]["options"] == options


def test_a_relative_destination_is_accepted() -> None:
    assert parse(mounts=[{"destination": "a", "type": "tmpfs"}])["mounts"][0]["destination"] == "a"


def test_an_empty_argument_vector_is_refused() -> None:
    assert refusal(process={"args": []}).pointer == "/process/args"


@pytest.mark.parametrize("entry", ["PATH", "=x", ""])
def test_an_environment_entry_has_a_name_and_a_value(entry: str) -> None:
    assert refusal(process={"env": ["A=", entry]}).pointer == "/process/env/1"


def test_a_console_larger_than_a_terminal_can_be_is_refused() -> None:
    size = {"height": 25, "width": 65536}

    assert refusal(process={"terminal": True, "consoleSize": size}).pointer == "/process/consoleSize/width"


def test_the_console_size_is_ignored_without_a_terminal() -> None:
    size = {"height": 25, "width": 65536}

    assert parse(process={"terminal": False, "consoleSize": size})["process"]["consoleSize"] == size


def test_an_rlimit_type_is_given_once() -> None:
    limit = {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}

    assert refusal(process={"rlimits": [limit, limit]}).pointer == "/process/rlimits/1"


def test_an_unknown_rlimit_is_refused() -> None:
    limit = {"type": "RLIMIT_TYPO", "soft": 0, "hard": 0}

    assert refusal(process={"rlimits": [limit]}).pointer == "/process/rlimits/0/type"


def test_a_soft_limit_stays_below_its_hard_one() -> None:
    limit = {"type": "RLIMIT_CORE", "soft": 2, "hard": 1}

    assert refusal(process={"rlimits": [limit]}).pointer == "/process/rlimits/0/soft"


def test_the_largest_limit_means_infinity_and_is_accepted() -> None:
    limit = {"type": "RLIMIT_CORE", "soft": (1 << 64) - 1, "hard": (1 << 64) - 1}

    assert parse(process={"rlimits": [limit]})["process"]["rlimits"] == [limit]


def test_a_string_with_a_nul_is_refused() -> None:
    assert refusal(args=["sh", "a\0b"]).pointer == "/process/args/1"


def test_half_of_a_surrogate_pair_is_refused() -> None:
    assert refusal(process={"cwd": "/\ud800"}).pointer == "/process/cwd"


def test_a_key_with_a_nul_is_refused() -> None:
    assert refusal(linux={"sysctl": {"net.x\0": "1"}}).pointer == "/linux/sysctl"


def test_an_annotation_may_hold_any_character() -> None:
    assert parse(annotations={"a": "\0\ud800"})["annotations"] == {"a": "\0\ud800"}


def test_members_that_nobody_defined_are_ignored() -> None:
    assert parse(windows={"layerFolders": 7}, process={"commandLine": None}, extra=1)["extra"] == 1


def test_a_long_value_is_shortened_in_the_message() -> None:
    assert len(str(refusal(process={"env": ["x" * 5000]}))) < 300


def test_a_fault_stays_on_one_line() -> None:
    assert "\n" not in str(refusal(process={"cwd": "a\nb"}))


@pytest.mark.parametrize("name", ["hostname", "domainname"])
def test_a_kernel_parameter_must_not_contradict_a_name(name: str) -> None:
    fault = refusal(rootless=False, **{name: "a"}, linux={"sysctl": {f"kernel/{name}": "b"}})

    assert fault.pointer == f"/linux/sysctl/kernel~1{name}"
    parse(rootless=False, **{name: "a"}, linux={"sysctl": {f"kernel.{name}": "a"}})


def test_every_fault_is_found_not_just_the_first() -> None:
    config = make_config(
        rootless=False,
        process={"cwd": "tmp", "env": ["A", "B=1", "=C"]},
        linux={"sysctl": {"a..b": "1", "kernel.panic": "1"}, "maskedPaths": ["a", "/b", "c"]},
    )

    assert sorted(fault.pointer for fault in find_faults(config, b"")) == [
        *("/linux/maskedPaths/0", "/linux/maskedPaths/2", "/linux/sysctl/a..b", "/linux/sysctl/kernel.panic"),
        *("/process/cwd", "/process/env/0", "/process/env/2"),
    ]
