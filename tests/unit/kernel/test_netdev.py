"""What network interfaces have sent and received."""

from __future__ import annotations

import os

from runtime.kernel.netdev import Counters, Interface, interfaces, parse_net_dev

TEXT = """Inter-|   Receive                                      |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:   11927     129    0    0    0     0          0         0  11927     129    0    0    0     0       0          0
eth0:1: 697613758   19862    1    2    0     0      0         0  1584538   12853    3    4    0     0       0      0
"""


def test_each_interface_has_two_directions() -> None:
    assert parse_net_dev(TEXT) == [
        Interface("lo", Counters(11927, 129, 0, 0), Counters(11927, 129, 0, 0)),
        Interface("eth0:1", Counters(697613758, 19862, 1, 2), Counters(1584538, 12853, 3, 4)),
    ]


def test_an_empty_file_has_no_interfaces() -> None:
    assert parse_net_dev("") == []


def test_our_own_namespace_has_a_loopback() -> None:
    found = interfaces("/proc", os.getpid()) or []
    assert "lo" in [interface.name for interface in found]


def test_a_process_that_is_gone_has_none() -> None:
    assert interfaces("/nowhere", 1) is None
