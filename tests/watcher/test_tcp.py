"""TCP: only if asked for, for this machine alone, and closed to the pages of other sites."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import Fault
from tests.support.watching import TIMEOUT_S
from watcher.outputs.answers import host_name
from watcher.outputs.tcp import Address, parse_address, shown

if TYPE_CHECKING:
    from tests.support.watching import Watcher


def ask(watching: Watcher, target: str = "/healthz", **headers: str) -> tuple[int, Any]:
    """The status and the document of an answer over TCP."""
    with contextlib.closing(http.client.HTTPConnection(watching.address, timeout=TIMEOUT_S)) as client:
        client.putrequest("GET", target, skip_host=True)
        for name, value in {"Host": watching.address, **headers}.items():
            client.putheader(name.replace("_", "-"), value)
        client.endheaders()
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())


def test_it_listens_where_it_is_asked_to(watcher):
    watching = watcher("--listen", "127.0.0.1:0")
    assert ask(watching)[0] == watching.get("/healthz").status == 200


def test_the_file_may_ask_for_it(watcher, tmp_path):
    (tmp_path / "w.toml").write_text('listen = ["127.0.0.1:0"]\nhost_names = ["monitor.example"]\n')
    watching = watcher("--config", str(tmp_path / "w.toml"))
    assert ask(watching, Host="Monitor.example:9440")[0] == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:9", "[::1]:9", "", "10.0.0.7"])
def test_names_of_this_machine_and_addresses_are_answered(watcher, host):
    assert ask(watcher("--listen", "127.0.0.1:0"), Host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9440", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_another_name_is_refused_since_somebody_may_have_it_lead_here(watcher, host):
    status, answer = ask(watcher("--listen", "127.0.0.1:0"), Host=host)
    assert status == 421
    assert answer == {
        "error": f"{host.split(':')[0]!r} is not a name of this watcher",
        "hint": "use the address, or name the host in watcher.toml: host_names",
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}, 200),
        ({"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_what_another_sites_page_asks_for_is_refused(watcher, headers, status):
    assert ask(watcher("--listen", "127.0.0.1:0"), **headers)[0] == status


def test_the_unix_socket_takes_any_name(watcher):
    assert watcher().get("/healthz", Host="evil.example").status == 200


def test_an_address_for_other_machines_needs_the_word(watcher, launch):
    assert launch("--listen", "0.0.0.0:0").wait() == (
        1,
        "runf-watcher: 0.0.0.0:0 could be reached from other machines, where everybody could read everything; "
        "listen on 127.0.0.1, or say --allow-remote if you mean it\n",
    )
    assert ask(watcher("--listen", "0.0.0.0:0", "--allow-remote"), Host="127.0.0.1")[0] == 200


def test_a_port_that_is_taken_is_one_line(watcher, launch, store):
    taken = watcher("--listen", "127.0.0.1:0").address
    assert launch("--listen", taken, root=f"{store.root}2").wait() == (
        1,
        f"runf-watcher: {taken} can't be listened on: Address already in use; name another with --listen\n",
    )


@pytest.mark.parametrize(
    ("text", "address", "as_shown"),
    [
        ("127.0.0.1:9440", Address("127.0.0.1", 9440), "127.0.0.1:9440"),
        ("localhost:1", Address("127.0.0.1", 1), "127.0.0.1:1"),
        (":9440", Address("127.0.0.1", 9440), "127.0.0.1:9440"),
        ("9440", Address("127.0.0.1", 9440), "127.0.0.1:9440"),
        ("[::1]:9440", Address("::1", 9440), "[::1]:9440"),
    ],
)
def test_an_address_is_read(text, address, as_shown):
    assert parse_address(text, allow_remote=False) == address
    assert shown(address) == as_shown


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "example.org:80", "[::1]", "::1:٣"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(Fault, match=r"write it as 127.0.0.1:9440"):
        parse_address(text, allow_remote=True)


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.example:80", "a.example"), ("A.example", "a.example"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("", "")],
)
def test_a_host_is_told_from_its_port(host, name):
    assert host_name(host) == name
