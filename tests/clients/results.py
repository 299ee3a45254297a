"""The table of what passed with which runtime: collected from the tests' reports, written as Markdown.

A run of some cases alone replaces these in the file, and leaves the others as they were.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from runtime.cgroups import hierarchy
from tests.support.cgroups import REAL

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

Rows = dict[tuple[str, str], dict[str, str]]
RUNTIMES = ("runf", "runc", "crun")
PASSES, FAILS, FAILS_TOO, MISSING = "passes", "**fails**", "fails, as with runc", "-"
NOTES = "Not tried, and why"
PROGRAMS = {
    "podman": ("podman", "--version"),
    "conmon": ("conmon", "--version"),
    "Docker": ("dockerd", "--version"),
    "containerd": ("containerd", "--version"),
    "buildah": ("buildah", "--version"),
    "runc": ("runc", "--version"),
    "crun": ("crun", "--version"),
}


class Results:
    """By client and case, what became of each runtime: a verdict, or after MISSING the reason why there is none."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Take what one phase of one test tells; its worst phase counts."""
        about = dict(report.user_properties)
        if "case" not in about:
            return
        row = self.found.setdefault((str(about["client"]), str(about["case"])), {})
        runtime = str(about["runtime"])
        if row.get(runtime, PASSES) == PASSES and (report.when == "call" or not report.passed):
            row[runtime] = _verdict(report, runtime)

    def write(self, path: Path) -> None:
        """The whole table, with what is in the file and was not tried again."""
        rows = {**(_read(path) if path.exists() else {}), **self.found}
        path.write_text("\n".join(_lines(rows)) + "\n")


def _verdict(report: pytest.TestReport, runtime: str) -> str:
    if report.passed:
        return PASSES
    if hasattr(report, "wasxfail"):
        return FAILS_TOO if runtime == "runf" else "fails"
    if report.skipped:
        return f"{MISSING} {_reason(report)}"
    return FAILS


def _lines(found: Rows) -> list[str]:
    notes: dict[str, int] = {}
    lines = ["# What was tried with real clients", "", *_preface()]
    for client in sorted({client for client, _ in found}):
        rows = {case: row for (of, case), row in found.items() if of == client}
        passed = sum(row.get("runf") == PASSES for row in rows.values())
        lines += ["", f"## {client}", "", f"{passed} of {len(rows)} cases pass with runf.", ""]
        lines += [f"| case | {' | '.join(RUNTIMES)} |", "|---" * (1 + len(RUNTIMES)) + "|"]
        for case, row in sorted(rows.items()):
            lines.append(f"| {case} | {' | '.join(_noted(row.get(name, MISSING), notes) for name in RUNTIMES)} |")
    if notes:
        lines += ["", f"## {NOTES}", "", *(f"{number}. {reason}" for reason, number in notes.items())]
    return lines


def _noted(verdict: str, notes: dict[str, int]) -> str:
    reason = verdict.removeprefix(f"{MISSING} ")
    if verdict == MISSING or reason == verdict:
        return verdict
    return f"{MISSING} [{notes.setdefault(reason, len(notes) + 1)}]"


def _read(path: Path) -> Rows:
    """What ``_lines`` has written."""
    found: Rows = {}
    notes: dict[str, str] = {}
    client = ""
    for line in path.read_text().splitlines():
        if line.startswith("## "):
            client = line[3:]
        elif client == NOTES and ". " in line:
            number, _, reason = line.partition(". ")
            notes[f"{MISSING} [{number}]"] = f"{MISSING} {reason}"
        elif line.startswith("| ") and not line.startswith("| case |"):
            case, *verdicts = (cell.strip() for cell in line.strip("|").split("|"))
            row = zip(RUNTIMES, verdicts, strict=True)
            found[client, case] = {name: verdict for name, verdict in row if verdict != MISSING}
    return {key: {name: notes.get(text, text) for name, text in row.items()} for key, row in found.items()}


def _reason(report: pytest.TestReport) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")


def _preface() -> list[str]:
    kernel = ".".join(os.uname().release.split("-")[0].split(".")[:2])
    lines = [
        "`make test-clients` writes this file; nobody edits it.",
        "",
        f"Linux {kernel}, cgroup v{hierarchy.find_version(REAL)}, {os.uname().machine}. The programs, as installed:",
        "",
    ]
    return [*lines, *(f"- {name}: {version}" for name, argv in PROGRAMS.items() if (version := _version(argv)))]


def _version(argv: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.splitlines()[0]
