"""Where packages of others are looked for."""

from __future__ import annotations

from runtime import packages


def test_they_lie_beside_runf_or_its_python_but_never_above_a_source_tree() -> None:
    installed = packages.package_directories(
        "/v/lib/python3.12/site-packages/runf/runtime/packages.py", "/v/bin/python3"
    )
    assert installed[0] == "/v/lib/python3.12/site-packages"
    checkout = packages.package_directories("/tmp/someone/runf/runtime/packages.py", "/v/bin/python3")
    assert [path for path in checkout if path.startswith("/tmp")] == []
    assert checkout[0].startswith("/v/lib/python3.")
