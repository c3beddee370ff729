"""Where a request comes from: which web site's page sent it, and which address.

A browser names the page's site in the Origin header.  Our own page and the sites on a
clinic's list may write; programs that send no Origin may too, since they hold a token and
no browser lends them its cookies.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from sanic import Request

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and ranges (`10.0.0.1`, `10.0.0.0/8`, `fd00::/8`) as networks.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def client_address(request: Request, trusted: Sequence[Network]) -> str:
    """The address of the client itself.

    `X-Forwarded-For` counts only when the connection comes from a trusted proxy, and then
    only from its right end up to the first address that is not a trusted proxy: what stands
    further left is whatever the client chose to write there.
    """
    address: str = request.ip
    if not _is_trusted(address, trusted):
        return address
    hops = ",".join(request.headers.getall("x-forwarded-for", [])).split(",")
    for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
        try:
            address = str(ipaddress.ip_address(hop))
        except ValueError:
            break
        if not _is_trusted(address, trusted):
            break
    return address


def own_origins(request: Request, public_url: str | None, trusted: Sequence[Network]) -> set[str]:
    """The origins of our own page: the public address, and the one this request was sent to."""
    origins = set()
    if public_url:
        origins.add("/".join(public_url.split("/", 3)[:3]).lower())
    host = request.headers.getone("host", "")
    if host:
        scheme = request.scheme if request.scheme in ("http", "https") else "http"
        if _is_trusted(request.ip, trusted):
            scheme = request.headers.getone("x-forwarded-proto", scheme)
        origins.add(f"{scheme}://{host}".lower())
    return origins


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    if not trusted:
        return False
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return any(ip in network for network in trusted)
