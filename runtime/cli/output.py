"""Standard output, where it may be closed, full, or of a locale that can't spell everything."""

from __future__ import annotations

import sys

from runtime.errors import Fault


def write(text: str) -> None:
    """Print ``text`` at once.  Fault: it can't be printed; BrokenPipeError: the reader has gone."""
    stream = sys.stdout
    if stream is None:
        raise Fault("the answer can't be printed: standard output is closed")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except UnicodeEncodeError:
        # everything unusual is escaped in the first place: what is left are letters that the locale lacks
        stream.buffer.write(text.encode(stream.encoding, "backslashreplace"))
        stream.flush()
    except OSError as error:
        raise Fault(f"the answer can't be printed: {error.strerror}") from error
