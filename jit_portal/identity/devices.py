"""From what device and network somebody comes, and whether that is new or strange."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from jit_portal.identity import claims
from jit_portal.identity.sign_in_models import LoginSession, device_of

_OF_A_NETWORK = {4: 24, 6: 48}
"""Bits of an address that stay when somebody's provider gives out another one."""


@dataclass(frozen=True)
class Device:
    """Where a request comes from: the network address, and what the browser calls itself, both as they are kept."""

    address: str
    browser: str

    @classmethod
    def said(cls, address: str | None, browser: str) -> "Device":
        return cls(claims.plain(address or "", 60), claims.plain(browser, 300))


@dataclass(frozen=True)
class Novelty:
    """What of a sign-in was never seen before for this person."""

    device: bool
    network: bool


def network_of(address: str) -> str:
    """The network of an address: /24 in IPv4, /48 in IPv6; "" for what is no address."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    return str(ipaddress.ip_network(f"{known}/{_OF_A_NETWORK[known.version]}", strict=False))


def novelty(device: Device, before: Iterable[Device]) -> Novelty:
    """What is new of a device, after those that came ``before``; nothing is where none came."""
    known = list(before)
    devices = {device_of(each.browser) for each in known}
    networks = {network_of(each.address) for each in known}
    return Novelty(
        bool(known) and device_of(device.browser) not in devices,
        bool(known) and network_of(device.address) not in networks,
    )


def has_strayed(login: LoginSession, device: Device) -> bool:
    """Whether the cookie of this login comes from another device and another network than the sign-in did."""
    if login.address == device.address or login.browser == device.browser:
        return False
    began, now = network_of(login.address), network_of(device.address)
    return bool(began and now) and began != now and login.device != device_of(device.browser)
