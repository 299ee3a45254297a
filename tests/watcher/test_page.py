"""The page, in a real browser: it follows what happens, and nothing that a container says becomes part of it."""

from __future__ import annotations

import http.client
import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import Browser
from tests.support.needs import needs
from tests.support.records import commit, process_of, publish, retire
from tests.support.watching import short
from watcher.events import GAP_TYPE
from watcher.filters import TYPES
from watcher.outputs.page import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.store.store import Store

HOSTILE = {
    "note": "</script><script>document.title = 'taken'</script>",
    "<img src=x onerror=document.title='taken'>": '"><b id=planted>',
}
MANY = 600

in_a_browser = needs("program:chromium")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    opened = Browser(tmp_path / "profile")
    try:
        yield opened
    finally:
        opened.close()


def begin(store: Store, container_id: str, **members: Any) -> None:
    """A container that runs, as far as its record tells."""
    publish(store, container_id, **members)
    commit(store, container_id, status="created", process=process_of(), pid=4242, happenings=("created",))
    commit(store, container_id, status="running", happenings=("started",))


def sees(browser: Browser, *expected: str) -> None:
    """Wait for these rows, each with its state and id: the table is drawn a frame after what it tells came in."""
    rows = "[...document.querySelectorAll('tr.box')].map(row => row.cells[0].innerText + ' ' + row.cells[1].innerText)"
    browser.wait_for(f"JSON.stringify({rows}) === {json.dumps(json.dumps(expected, separators=(',', ':')))}")


def opened(browser: Browser, watching: Any) -> None:
    browser.open(f"http://{watching.address}/")
    browser.wait_for("document.getElementById('link')?.textContent === 'live'")


@in_a_browser
def test_it_shows_what_is_there_and_follows_what_happens(store, watcher, browser):
    begin(store, "web")
    watching = watcher("--read-only", "--listen", "127.0.0.1:0")
    opened(browser, watching)
    sees(browser, "running web")
    begin(store, "db")
    browser.wait_for("document.querySelectorAll('tr.box').length === 2")
    commit(store, "db", status="stopped", happenings=("stopped",), exit={"code": 7, "signal": None, "oomKilled": False})
    browser.wait_for("document.body.innerText.includes('db stopped, exit code 7')")
    sees(browser, "stopped, 7 db", "running web")
    with store.action("db"), store.locked("db") as held:
        from runtime.store.record import advance

        held.retire(advance(held.record, now=held.record["created"], happenings=("deleted",)))
    sees(browser, "running web")
    assert browser.evaluate("troubles") == []


@in_a_browser
def test_without_containers_it_says_how_to_get_one(watcher, browser):
    opened(browser, watcher("--read-only", "--listen", "127.0.0.1:0"))
    assert "runf run --bundle b one" in browser.wait_for("document.getElementById('none').innerText")
    assert browser.evaluate("troubles") == []


@in_a_browser
def test_what_a_container_says_stays_text(store, watcher, browser):
    begin(store, "web", annotations=HOSTILE)
    opened(browser, watcher("--read-only", "--listen", "127.0.0.1:0"))
    browser.wait_for("document.querySelectorAll('tr.box').length === 1")
    browser.evaluate("document.querySelector('tr.box').click()")
    shown = browser.wait_for("document.querySelector('tr.more')?.innerText")
    for key, value in HOSTILE.items():
        assert key in shown
        assert value in shown
    assert browser.evaluate("[document.title, document.querySelectorAll('#planted, img').length]") == [
        "runf: containers",
        0,
    ]
    assert browser.evaluate("troubles") == []


@in_a_browser
def test_nothing_that_is_not_the_pages_own_runs_there(watcher, browser):
    opened(browser, watcher("--listen", "127.0.0.1:0"))
    script = """(() => {
        const planted = document.createElement("script");
        planted.textContent = "document.title = 'taken'";
        document.body.append(planted);
        document.body.insertAdjacentHTML("beforeend", "<img src=http://127.0.0.1:1/x>");
    })()"""
    browser.evaluate(script)
    browser.wait_for("troubles.length === 2")
    assert sorted(each.split(":")[0] for each in browser.evaluate("troubles")) == ["img-src", "script-src-elem"]
    assert browser.evaluate("document.title") == "runf: containers"


@in_a_browser
def test_it_finds_and_sorts(store, watcher, browser):
    begin(store, "b", annotations={"team": "red"})
    begin(store, "a")
    commit(store, "a", status="paused", happenings=("paused",))
    opened(browser, watcher("--read-only", "--listen", "127.0.0.1:0"))
    sees(browser, "paused a", "running b")
    browser.evaluate("document.querySelector('th button').click()")
    browser.wait_for("document.querySelector('tr.box').cells[1].innerText === 'b'")
    browser.evaluate("document.getElementById('find').value = 'team=red'")
    browser.evaluate("document.getElementById('find').dispatchEvent(new Event('input'))")
    sees(browser, "running b")


@in_a_browser
def test_of_very_many_it_shows_the_first_and_says_how_many_there_are(store, watcher, browser):
    for number in range(MANY):
        publish(store, f"c{number:03}")
    opened(browser, watcher("--read-only", "--listen", "127.0.0.1:0"))
    browser.wait_for("document.getElementById('counts').innerText === '600 creating'")
    assert browser.evaluate("document.querySelectorAll('tr.box').length") == 500
    assert "and 100 more" in browser.evaluate("document.getElementById('none').innerText")


@in_a_browser
def test_it_comes_back_after_a_watcher_that_was_killed(store, watcher, browser):
    begin(store, "web")
    watching = watcher("--read-only", "--listen", "127.0.0.1:0")
    opened(browser, watching)
    browser.wait_for("document.querySelectorAll('tr.box').length === 1")
    watching.end(signal.SIGKILL)
    browser.wait_for("document.getElementById('link').textContent === 'not connected'")
    retire(store, "web")
    begin(store, "db")
    watcher("--read-only", "--listen", watching.address)
    browser.wait_for("document.querySelector('tr.box')?.cells[1].innerText === 'db'")
    sees(browser, "running db")


def test_it_listens_to_every_type_that_there_is():
    script = load()[0].decode()
    listed = script[script.index("const KINDS = [") : script.index("];", script.index("const KINDS"))]
    assert set(re.findall('"([a-z.]+)"', listed)) == {short({"type": kind}) for kind in TYPES - {GAP_TYPE}}


def test_its_policy_names_its_own_script_and_style_and_nothing_else(watcher):
    watching = watcher("--listen", "127.0.0.1:0")
    client = http.client.HTTPConnection(watching.address)
    client.request("GET", "/")
    answer = client.getresponse()
    assert answer.read() == load()[0]
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["connect-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in json.dumps(policy)
    client.close()
