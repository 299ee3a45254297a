"""A record's text on one line is the same document, however its file was laid out."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runtime import jsontext
from watcher.snapshot import one_line

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS, st.booleans())
def test_nothing_but_the_layout_goes(document: Any, is_ascii: bool) -> None:
    for indent in (None, 0, 1, 2, 4, 6, "\t", "\r", "\r\n  "):
        text = json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
        line = one_line(text)
        assert not set(line) & set(b"\r\n")
        assert json.loads(line.decode("utf-8", "surrogatepass")) == document


@given(DOCUMENTS)
def test_the_members_of_our_own_layout_have_no_indentation_left(document: Any) -> None:
    line = one_line(f"{jsontext.render({'a': document})}\n".encode())
    assert json.loads(line) == {"a": document}
    assert line.startswith(b'{"a"')
