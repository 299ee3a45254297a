"""Sections of a checked config that may be absent, as values that never are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.spec.config import Config, Linux, Resources, User


def linux_of(config: Config) -> Linux:
    """The linux section; empty where the config has none."""
    return config.get("linux", {})


def resources_of(config: Config) -> Resources:
    """The limits of the cgroup; empty where the config has none."""
    return linux_of(config).get("resources", {})


def user_of(config: Config) -> User:
    """Who the program runs as; root where the config doesn't say."""
    root: User = {"uid": 0, "gid": 0}
    return config["process"].get("user", root)


def namespace_paths(config: Config) -> dict[str, str | None]:
    """Each namespace type of the container that isn't the runtime's, with the path to join or None for a new one."""
    return {namespace["type"]: namespace.get("path") for namespace in linux_of(config).get("namespaces", ())}
