"""Addresses of the internet: which are public, so that anybody may be asked to open them. Pure.

Lists of private ranges have failed again and again (Mastodon CVE-2026-22245, -46348, -47389, GHSA-vwhj-3g83-v276): IPv6 is
an allow-list here, IPv4 checks the registry's ranges and what Python thinks of them.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NOT_UNICAST_4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
)  # fmt: skip
"""IANA's special-purpose registry for IPv4 and everything from 224 on (www.iana.org, read November 2026)."""

_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
_NOT_UNICAST_6 = tuple(
    ipaddress.IPv6Network(block)
    for block in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
"""What IANA keeps back of 2000::/3: protocol assignments (Teredo, ORCHID), documentation, 6to4, AS112."""

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """True for a global unicast address. An IPv4 address inside an IPv6 one is taken out first and must be public too.

    Mapped and NAT64 addresses reach their IPv4 host; every other embedding (compatible, 6to4, Teredo, local NAT64) lies
    outside of what is allowed, or is ISATAP, whose embedded address is checked as well.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in block for block in _NOT_UNICAST_4)
    if address.scope_id is not None:
        return False
    if address in _MAPPED or address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if (int(address) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE and not is_public(_last_32(address)):
        return False
    return address in _UNICAST_6 and not any(address in block for block in _NOT_UNICAST_6)


def _last_32(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
