"""What the watcher has to say, on stderr: a line each, and for the journal with its level."""

from __future__ import annotations

import logging
import os
import sys

from watcher.manager import is_journal

# syslog(3)
LEVELS = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
PREFIX = "runf-watcher: "


class OneLine(logging.Formatter):
    """Whatever is logged, also by libraries, is one line."""

    def __init__(self, *, for_journal: bool) -> None:
        super().__init__()
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """The journal knows who we are."""
        fault = record.exc_info[1] if record.exc_info else None
        text = record.getMessage() + (f": {type(fault).__name__}: {fault}" if fault else "")
        prefix = f"<{LEVELS.get(record.levelno, 4)}>" if self._for_journal else PREFIX
        return prefix + " ".join(text.split())


def log_lines() -> None:
    """What the watcher tells, and the warnings and faults of everything else that runs here, go to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(for_journal=is_journal(os.environ)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("watcher").setLevel(logging.INFO)
