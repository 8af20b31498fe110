"""The encoder process of one stream.

    python -m relay.encoder 3 4242

The arguments are its socket's number and the relay's pid. It ends when its socket
does, or the relay.
"""

from __future__ import annotations

import os
import sys

NICE = 10


def main() -> None:
    # First of all, before anything is loaded: forwarding goes first.
    os.nice(NICE)
    from relay.encoder.confine import confine

    fd, relay = (int(argument) for argument in sys.argv[1:3])
    if not confine(fd, relay):
        return
    # Only now: FFmpeg is large, and loading it is to be within the limits.
    import asyncio
    import socket

    from relay.encoder.process import serve

    asyncio.run(serve(socket.socket(fileno=fd)))
    os._exit(0)  # not waiting for a codec that is at work, or hangs


if __name__ == "__main__":
    main()
