"""Addresses that are never connected to."""

from __future__ import annotations

import socket

import pytest

from policyc.runtime.sandbox.egress.addresses import is_public, look_up

CLOSED = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16",
    "192.0.0.192", "198.18.0.1", "192.0.2.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::1", "2001:db8::1", "3fff::1", "fec0::1",
    "no address", "", "127.1",
]  # fmt: skip


@pytest.mark.parametrize("address", CLOSED)
def test_it_is_closed(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111"]
)
def test_it_is_open(address: str) -> None:
    assert is_public(address)


def test_a_public_address_of_this_machine_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Loopback stands for it: which other addresses a machine has, a test cannot know.
    monkeypatch.setattr("policyc.runtime.sandbox.egress.addresses._CLOSED_4", ())
    assert not is_public("127.0.0.1")
    assert is_public("8.8.8.8")


def test_a_name_is_looked_up() -> None:
    assert "127.0.0.1" in look_up("localhost", 80)
    with pytest.raises(socket.gaierror):
        look_up("does-not-exist.invalid", 80)
