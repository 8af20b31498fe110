"""Posts to addresses that operators have set, with a bound on everything."""

from __future__ import annotations

import asyncio
import logging
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy

import certifi
import httpx

CONNECT_S = 2.0  # contract 7.3
READ_S = 5.0
MAX_ANSWER_BYTES = 65_536

# At INFO it logs each address, and an address may have a password in it.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class PostFailedError(Exception):
    """There was no answer. The text names the kind of fault, never a secret."""


def make_client(max_connections: int) -> httpx.AsyncClient:
    """Follows no redirect, keeps no cookie, reads no proxy from the environment.

    Belongs to the running loop; the caller closes it.
    """
    jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    return httpx.AsyncClient(
        cookies=jar,
        follow_redirects=False,
        limits=httpx.Limits(
            max_connections=max_connections, max_keepalive_connections=max_connections
        ),
        timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
        trust_env=False,
        verify=_trusted(),
    )


async def post(
    client: httpx.AsyncClient,
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    total_s: float,
) -> int:
    """The status of the answer, which has arrived whole unless it is very long.

    Raises:
        PostFailedError: no answer to be had, or not within `total_s`.
    """
    try:
        async with (
            asyncio.timeout(total_s),
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            await _read(response)
            return response.status_code
    except TimeoutError as error:
        raise PostFailedError("took too long") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        # ValueError: an address whose host cannot be encoded.
        raise PostFailedError(type(error).__name__) from error


async def _read(response: httpx.Response) -> None:
    """Whole, so that the connection can serve again. Undecoded: it may be a bomb."""
    size_bytes = 0
    async for chunk in response.aiter_raw():
        size_bytes += len(chunk)
        if size_bytes > MAX_ANSWER_BYTES:
            return


def _trusted() -> ssl.SSLContext:
    """The well-known authorities, and those that this machine trusts besides."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
