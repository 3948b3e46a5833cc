"""The certificates that every connection to Bluesky's servers trusts, loaded once: each loading takes some 60 ms."""

import ssl
from functools import cache

import httpx


@cache
def tls() -> ssl.SSLContext:
    """Return the context that all clients of this adapter share."""
    return httpx.create_ssl_context()
