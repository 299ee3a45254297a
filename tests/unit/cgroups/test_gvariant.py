"""Values in GVariant's text format: what they are for D-Bus, and why others are none."""

from __future__ import annotations

import math
from typing import Any

import pytest

from runtime.cgroups import gvariant


@pytest.mark.parametrize(
    ("text", "signature", "value"),
    [
        ("true", "b", True),
        (" false\n", "b", False),
        ("7", "i", 7),
        ("-7", "i", -7),
        ("+7", "i", 7),
        ("0", "i", 0),
        ("0x1F", "i", 31),
        ("-0x1f", "i", -31),
        ("017", "i", 15),
        ("2.5", "d", 2.5),
        (".5", "d", 0.5),
        ("5.", "d", 5.0),
        ("1e3", "d", 1000.0),
        ("double 7", "d", 7.0),
        ("double 0x10", "d", 16.0),
        ("byte 0xff", "y", 255),
        ("int16 -32768", "n", -32768),
        ("uint16 65535", "q", 65535),
        ("int32 5", "i", 5),
        ("uint32 4294967295", "u", 4294967295),
        ("int64 -9223372036854775808", "x", -(1 << 63)),
        ("uint64 18446744073709551615", "t", (1 << 64) - 1),
        ("@t 5", "t", 5),
        ("@t uint64 5", "t", 5),
        ("boolean true", "b", True),
        ("'a'", "s", "a"),
        ('"a\'b"', "s", "a'b"),
        (r"'a\'\\\n\u00e9\U0001F600\q'", "s", "a'\\\n\u00e9\U0001f600q"),
        ("string 'a'", "s", "a"),
        ("objectpath '/a/b_1'", "o", "/a/b_1"),
        ("objectpath '/'", "o", "/"),
        ("signature 'a{sv}(ii)'", "g", "a{sv}(ii)"),
        ("signature ''", "g", ""),
        (r"b'a\101\n\''", "ay", b"aA\n'\0"),
        ("[1, 2]", "ai", [1, 2]),
        ("[1, 2,]", "ai", [1, 2]),
        ("[1, uint32 2]", "au", [1, 2]),
        ("[1, 2.5]", "ad", [1.0, 2.5]),
        ("@as []", "as", []),
        ("@ay [1, 0x2]", "ay", b"\1\2"),
        ("[byte 1, 2]", "ay", b"\1\2"),
        ("[[], [1]]", "aai", [[], [1]]),
        ("(1, 'a')", "(is)", (1, "a")),
        ("(1,)", "(i)", (1,)),
        ("[('/dev/null', 'rw')]", "a(ss)", [("/dev/null", "rw")]),
        ("@a(ss) []", "a(ss)", []),
        ("(@as [], 1)", "(asi)", ([], 1)),
        ("{'a': 1, 'b': 2}", "a{si}", {"a": 1, "b": 2}),
        ("@a{sv} {}", "a{sv}", {}),
        ("{'a': <1>, 'b': <'x'>}", "a{sv}", {"a": ("i", 1), "b": ("s", "x")}),
        ("<uint64 1>", "v", ("t", 1)),
        ("<<1>>", "v", ("v", ("i", 1))),
    ],
)
def test_a_text_has_a_type_and_a_value(text: str, signature: str, value: Any) -> None:
    found = gvariant.parse(text)
    assert found == (signature, value)
    assert type(found[1]) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a value is expected at character 1, where it has its end"),
        ("inactive", "a value is expected at character 1, where it has 'inactive'"),
        ("5 6", "its end is expected at character 3, where it has '6'"),
        ("5s", "a value is expected at character 1, where it has '5s'"),
        ("1.2.3", "a value is expected at character 1"),
        ("08", "08 is no octal number"),
        ("2147483648", "2147483648 is not between -2147483648 and 2147483647"),
        ("byte 256", "256 is not between 0 and 255"),
        ("uint64 -1", "-1 is not between 0 and 18446744073709551615"),
        ("uint32 5.0", "5.0 is no whole number"),
        ("uint32 'a'", "a string is no u"),
        ("uint32 byte 5", "it is said to be both u and y"),
        ("string 5", "a number is no s"),
        ("true false", "its end is expected"),
        ("truetrue", "a value is expected at character 1"),
        ("'a", "it ends within a string"),
        ("'a\\", "it ends within a string"),
        (r"'\u00'", r"\u00' is no character"),
        (r"'\U00110000'", r"\U00110000 is no character"),
        (r"'\ud800'", "a D-Bus string has neither NUL nor half a character"),
        (r"'\u0000'", "a D-Bus string has neither NUL nor half a character"),
        ("objectpath 'a'", "'a' is no object path"),
        ("objectpath '/a/'", "'/a/' is no object path"),
        ("objectpath '/a\n'", r"'/a\n' is no object path"),
        ("signature 'a'", "'a' is no signature"),
        ("signature '{sv}'", "'{sv}' is no signature"),
        ("signature '()'", "'()' is no signature"),
        ("@ 5", '"" is no signature of one D-Bus type'),
        ("@ii 5", '"ii" is no signature of one D-Bus type'),
        ("@a{vs} {}", '"a{vs}" is no signature of one D-Bus type'),
        ("@mi 5", '"mi" is no signature of one D-Bus type'),
        ("@h 5", '"h" is no signature of one D-Bus type'),
        ("nothing", '"nothing": D-Bus has no maybe types'),
        ("just 5", '"just": D-Bus has no maybe types'),
        ("handle 0", '"handle": a file descriptor can\'t be written down'),
        ("[]", "nothing tells the type of an empty array"),
        ("<[]>", "nothing tells the type of an empty array"),
        ("[1, 'a']", "the members have no type in common: i, s"),
        ("[1 2]", "\"]\" is expected at character 4, where it has '2]'"),
        ("[1", '"]" is expected at character 3, where it has its end'),
        ("(1)", "a comma behind a tuple's only member is expected"),
        ("()", "D-Bus has no empty tuple"),
        ("@(ii) (1,)", "a tuple is no (ii)"),
        ("{'a' 1}", '":" is expected'),
        ("{'a': 1, 'a': 2}", "the dictionary has 'a' twice"),
        ("[" * 40 + "]" * 40, "it is nested more than 32 deep"),
        ("byte " * 40 + "1", "it is nested more than 32 deep"),
    ],
)
def test_what_is_none_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(gvariant.BadText) as caught:
        gvariant.parse(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_number_may_be_too_large_for_a_double() -> None:
    assert gvariant.parse("1e999") == ("d", math.inf)
