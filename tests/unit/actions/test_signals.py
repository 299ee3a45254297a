"""What a user may write for a signal."""

import signal

import pytest

from runtime.actions.kill import parse_signal
from runtime.errors import UsageFault


@pytest.mark.parametrize("number", [*signal.Signals])
def test_every_name_is_known_with_and_without_its_prefix_in_any_case(number: signal.Signals) -> None:
    for name in (number.name, number.name.removeprefix("SIG")):
        for text in (name, name.lower(), name.title()):
            assert parse_signal(text) == number


@pytest.mark.parametrize("number", range(1, 65))
def test_numbers_stand_for_themselves(number: int) -> None:
    assert parse_signal(str(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("09", 9),
        ("IOT", signal.SIGABRT),
        ("CLD", signal.SIGCHLD),
        ("POLL", signal.SIGIO),
        ("RTMIN", signal.SIGRTMIN),
        ("RTMAX", signal.SIGRTMAX),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("rtmin+3", signal.SIGRTMIN + 3),
        ("RTMAX-14", signal.SIGRTMAX - 14),
        ("RTMIN+30", signal.SIGRTMAX),
        ("RTMAX-30", signal.SIGRTMIN),
        ("RTMIN+0", signal.SIGRTMIN),
    ],
)
def test_other_spellings(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("9" * 5000, "RTMIN+\u00b2", "RTMIN+" + "9" * 5000),
        *("SIG_UNBLOCK", "SIG_SETMASK", "_SETMASK"),
        "",
        " ",
        "65",
        "-1",
        "+9",
        "9 ",
        "1e1",
        "999999999999999999999",
        "\u0669",
        "\u00b2",
        "NOTHING",
        "SIG",
        "SIGSIGKILL",
        "_DFL",
        "SIG_DFL",
        "sig_ign",
        "SIG_BLOCK",
        "RTMIN+31",
        "RTMIN-1",
        "RTMAX+1",
        "RTMAX-31",
        "RTMIN+",
        "RTMIN+x",
        "KILL+1",
        "KILL\n",
    ],
)
def test_anything_else_is_a_usage_fault_that_repeats_it(text: str) -> None:
    with pytest.raises(UsageFault) as caught:
        parse_signal(text)
    assert caught.value.message.startswith("unknown signal")
    assert caught.value.hint == "name one as in signal(7), such as TERM, SIGKILL or 9"
