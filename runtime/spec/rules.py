"""What a config.json must fulfil beyond its schema: one function a rule, and the list of them.

A rule takes a config that the schema has passed and yields a SpecFault for each culprit.  Rules look at the
document alone, never at the machine.  Source: runtime-spec, config.md.
"""

from __future__ import annotations

from runtime.errors import SpecFault
from runtime.kernel.sysctl import sysctl_parts
from runtime.late import Late
from runtime.spec import linux_rules, mount_rules
from runtime.spec.fields import linux_of, namespace_paths, resources_of
from runtime.spec.wording import find_nameless, find_relative, pointer, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from runtime.spec import resource_rules, scheduling_rules
    from runtime.spec.config import Config, HookKind
    from runtime.spec.wording import Faults
else:
    # of members that most configurations don't have
    resource_rules, scheduling_rules = (Late(f"runtime.spec.{name}") for name in ("resource_rules", "scheduling_rules"))

HOOK_KINDS: tuple[HookKind, ...] = (
    "prestart",
    "createRuntime",
    "createContainer",
    "startContainer",
    "poststart",
    "poststop",
)
VERSION_NUMBERS = 3  # major, minor, patch
HOST_NAME_LIMIT_BYTES = 64  # __NEW_UTS_LEN of the kernel
CONSOLE_LIMIT = 65535  # struct winsize holds unsigned shorts
# members of process and linux that scheduling_rules.py is about
SCHEDULING = frozenset(("scheduler", "ioPriority", "execCPUAffinity", "memoryPolicy", "personality"))
PASSED_ON = ("root", "mounts", "process", "hostname", "domainname", "hooks", "linux")


def check_rules(config: Config, raw: bytes) -> None:
    """Raise the first fault that ``find_faults`` tells."""
    for fault in find_faults(config, raw):
        raise fault


def find_faults(config: Config, raw: bytes) -> Faults:
    """Each fault, by each rule of the list, of ``config``, which was read from ``raw``."""
    yield from version_is_followed(config)
    if b"\\u" in raw:  # the only way to write the characters that the rule is about
        yield from text_can_be_passed_on(config)
    for rule in RULES:
        yield from rule(config)
    if resources_of(config):
        for rule in resource_rules.RULES:
            yield from rule(config)
    if not SCHEDULING.isdisjoint(config["process"]) or not SCHEDULING.isdisjoint(linux_of(config)):
        for rule in scheduling_rules.RULES:
            yield from rule(config)


def version_is_followed(config: Config) -> Faults:
    """Any 1.x: the specification keeps compatibility within a major version in both directions."""
    version = config["ociVersion"]
    if not is_semantic_version(version):
        yield SpecFault(
            "/ociVersion", f"{quote(version)} is no version", hint="write one as SemVer does, such as 1.3.0"
        )
    elif not version.startswith("1."):
        yield SpecFault(
            "/ociVersion",
            f"{quote(version)} is not supported",
            hint="convert the bundle to version 1 of the specification",
        )


def is_semantic_version(text: str) -> bool:
    """Whether ``text`` follows SemVer 2.0.0: three numbers, then ``-pre.release`` and ``+build`` at will."""
    if not text.isascii():
        return False
    main, plus, build = text.partition("+")
    core, dash, release = main.partition("-")
    numbers = core.split(".")
    return (
        len(numbers) == VERSION_NUMBERS
        and all(_is_plain_number(number) for number in numbers)
        and (not dash or all(_is_release_part(part) for part in release.split(".")))
        and (not plus or all(_is_build_part(part) for part in build.split(".")))
    )


def _is_plain_number(text: str) -> bool:
    return text.isdigit() and (text == "0" or text[0] != "0")


def _is_build_part(text: str) -> bool:
    return text.replace("-", "0").isalnum()


def _is_release_part(text: str) -> bool:
    return _is_build_part(text) and (not text.isdigit() or _is_plain_number(text))


def text_can_be_passed_on(config: Config) -> Faults:
    """The kernel takes no NUL inside a string, and half of a surrogate pair has no bytes at all."""
    for place, text in _texts(config):
        if "\0" in text:
            yield SpecFault(place, f"{quote(text)} holds a NUL character", hint="leave that character out")
        if any("\ud800" <= character <= "\udfff" for character in text):
            yield SpecFault(place, f"{quote(text)} holds half of a surrogate pair", hint="write the whole character")


def _texts(config: Config) -> Iterator[tuple[str, str]]:
    members: dict[str, Any] = {**config}
    waiting = [(pointer(name), members[name]) for name in PASSED_ON if name in members]
    while waiting:  # no recursion: members that nobody defined may be nested as deeply as they like
        place, value = waiting.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, list):
            waiting.extend((place + pointer(index), item) for index, item in enumerate(value))
        elif isinstance(value, dict):
            for key, item in value.items():
                yield place, key
                waiting.append((place + pointer(key), item))


def host_names_have_a_namespace(config: Config) -> Faults:
    """Without a uts namespace of its own the container would rename the host."""
    for name, value in (("hostname", config.get("hostname")), ("domainname", config.get("domainname"))):
        if not value:
            continue
        if "uts" not in namespace_paths(config):
            yield SpecFault(
                pointer(name),
                f"{quote(value)} would rename the host",
                hint='add {"type": "uts"} to linux.namespaces, or leave it out',
            )
        if len(value.encode()) > HOST_NAME_LIMIT_BYTES:
            yield SpecFault(
                pointer(name), f"{quote(value)} is too long", hint=f"shorten it to {HOST_NAME_LIMIT_BYTES} bytes"
            )


def host_names_are_said_once(config: Config) -> Faults:
    """A kernel parameter may say the same, but not otherwise."""
    for name, value in (("hostname", config.get("hostname")), ("domainname", config.get("domainname"))):
        for key, other in linux_of(config).get("sysctl", {}).items():
            if value and sysctl_parts(key) == ("kernel", name) and other != value:
                yield SpecFault(
                    pointer("linux", "sysctl", key), f"{quote(other)} contradicts {name}", hint="keep one of them"
                )


def annotations_have_keys(config: Config) -> Faults:
    if "" in config.get("annotations", {}):
        yield SpecFault("/annotations", "a key is empty", hint="give it a name, or leave it out")


def hooks_are_complete(config: Config) -> Faults:
    hooks = config.get("hooks", {})
    for kind in HOOK_KINDS:
        for index, hook in enumerate(hooks.get(kind, ())):
            yield from find_relative(hook["path"], "hooks", kind, index, "path")
            yield from find_nameless(hook.get("env", []), "hooks", kind, index, "env")


def program_is_named(config: Config) -> Faults:
    if not config["process"]["args"]:
        yield SpecFault("/process/args", "is empty", hint='name the program to run, such as ["sh"]')


def working_directory_is_absolute(config: Config) -> Faults:
    yield from find_relative(config["process"]["cwd"], "process", "cwd")


def environment_is_named(config: Config) -> Faults:
    yield from find_nameless(config["process"].get("env", []), "process", "env")


def console_size_fits(config: Config) -> Faults:
    """Ignored without a terminal, as the specification demands."""
    process = config["process"]
    if not process.get("terminal", False) or "consoleSize" not in process:
        return
    size = process["consoleSize"]
    for name, value in (("height", size["height"]), ("width", size["width"])):
        if value > CONSOLE_LIMIT:
            yield SpecFault(
                pointer("process", "consoleSize", name), f"{value} is too large", hint=f"{CONSOLE_LIMIT} is the most"
            )


def rlimits_are_consistent(config: Config) -> Faults:
    """One entry for each type, and no soft limit above its hard one."""
    seen = set()
    for index, limit in enumerate(config["process"].get("rlimits", ())):
        if limit["type"] in seen:
            yield SpecFault(
                pointer("process", "rlimits", index), f"{limit['type']} is there twice", hint="keep one of them"
            )
        seen.add(limit["type"])
        if limit["soft"] > limit["hard"]:
            yield SpecFault(
                pointer("process", "rlimits", index, "soft"),
                f"{limit['soft']} is above the hard limit, {limit['hard']}",
                hint="lower soft or raise hard",
            )


RULES = (
    host_names_have_a_namespace,
    host_names_are_said_once,
    annotations_have_keys,
    hooks_are_complete,
    *mount_rules.RULES,
    program_is_named,
    working_directory_is_absolute,
    environment_is_named,
    console_size_fits,
    rlimits_are_consistent,
    *linux_rules.RULES,
)
