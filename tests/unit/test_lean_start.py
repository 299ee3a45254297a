"""The interpreter that make install's launcher names: it starts with less, and is whole where more is asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import hatch_build
from hatch_build import LINK, lean_start
from tests.support.pythons import pythons

LINE = "vier Grüße, 3 €, 🙂\n"
TEXT = LINE * 3000  # longer than any buffer, so that characters are cut


@pytest.fixture(params=pythons())
def lean(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A link with what lies beside it."""
    for name, text in lean_start(request.param).items():
        (tmp_path / name).write_text(text)
    (tmp_path / LINK.name).symlink_to(request.param)
    return str(tmp_path / LINK.name)


def said_by(interpreter: str, program: str, given: str = "") -> str:
    argv = [interpreter, "-ISXutf8", "-c", program]
    done = subprocess.run(argv, input=given, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    return done.stdout


def test_it_starts_without_the_package_of_encodings(lean: str) -> None:
    loaded = said_by(lean, "import sys; print(*sys.modules)").split()
    assert "encodings" in loaded
    assert not {"codecs", "encodings.aliases", "encodings.utf_8", "os", "site"} & set(loaded)


def test_its_path_is_the_interpreters_own(lean: str) -> None:
    print_path = "import sys; print(*sys.path, sep='\\n')"
    own, *path = said_by(lean, print_path).splitlines()
    assert own == os.path.dirname(lean)
    assert path == [each for each in said_by(os.path.realpath(lean), print_path).splitlines() if os.path.exists(each)]


def test_standard_streams_read_and_write(lean: str) -> None:
    assert said_by(lean, "import sys; sys.stdout.write(sys.stdin.read())", TEXT) == TEXT
    assert said_by(lean, "import sys; print(*sys.stdin, sep='', end='')", TEXT) == TEXT


def test_a_position_in_a_text_can_be_come_back_to(lean: str, tmp_path: Path) -> None:
    program = f"""
text = {LINE!r} * 3000
with open({str(tmp_path / "text")!r}, "w+", encoding="utf-8") as file:
    file.write(text)
    file.seek(0)
    half = file.read(7001)
    place = file.tell()
    rest = file.read()
    file.seek(place)
    assert file.read() == rest and half + rest == text
    file.write("ä")
    file.seek(place)
    assert file.read() == rest + "ä"
"""
    said_by(lean, program)


@pytest.mark.parametrize(
    "program",
    [
        "'Grüße'.encode('cp1252').decode('latin-1')",
        "import encodings.idna; assert 'bücher.example'.encode('idna') == b'xn--bcher-kva.example'",
        "import encodings; assert encodings.normalize_encoding('UTF 8') == 'UTF_8'; encodings.aliases",
        "import encodings.utf_8; import codecs; assert codecs.lookup('utf8').name == 'utf-8'",
        "import codecs; assert codecs.lookup('utf-8').name == codecs.lookup('UTF8').name == 'utf-8'",
        "import codecs, io; assert codecs.getreader('utf-8')(io.BytesIO('ä'.encode())).read() == 'ä'",
        "import codecs, io; b = io.BytesIO(); codecs.getwriter('utf-8')(b).write('ä'); assert len(b.getvalue()) == 2",
        "import codecs; assert ''.join(codecs.iterdecode([b'\\xc3', b'\\xa4'], 'utf-8')) == 'ä'",
        "import codecs; assert codecs.decode(b'\\xff', 'utf-8', 'surrogateescape') == '\\udcff'",
        "try: ''.encode('no such')\nexcept LookupError as error: assert 'no such' in str(error)",
        "try: b'\\xff'.decode('utf-8')\nexcept UnicodeDecodeError: pass\nelse: raise AssertionError",
        "import locale, json, re, ctypes, select, subprocess, tempfile",
    ],
)
def test_whoever_asks_for_more_gets_it(lean: str, program: str) -> None:
    assert said_by(lean, program) == ""


def test_an_interpreter_that_ignores_it_is_left_as_it_is(tmp_path: Path) -> None:
    """As one would that is built with a path of its own."""
    other = tmp_path / "other"
    other.write_text('#!/bin/sh\nexec python3 "$@"\n')
    other.chmod(0o755)
    assert lean_start(str(other)) == {}


def test_an_interpreter_that_is_not_here_is_left_as_it_is() -> None:
    """As where a package is built on another machine."""
    assert lean_start("/nowhere/lib/runf/python3") == {}


def test_an_interpreter_that_fails_with_it_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build, "TRIAL", hatch_build.TRIAL + "; import no_such_module")
    assert lean_start(pythons()[0]) == {}
