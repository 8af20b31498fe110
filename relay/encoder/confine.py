"""What an encoder process gives up before it reads the first packet.

It decodes what strangers send with libraries written in C. It keeps its memory and
one socket; what the machine does not allow it to give up
it keeps.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

MAX_MEMORY_BYTES = 2 * 1024**3  # address space, of which codecs map much and use little
MAX_OPEN_FILES = 64
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000


def confine(fd: int, parent: int) -> bool:
    """Limit this process for good. False when `parent`, its pid, is gone already.

    `fd`: the one file that it keeps, apart from those that lead nowhere.
    """
    os.closerange(3, fd)
    os.closerange(fd + 1, 1 << 20)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # No network and no other process's shared memory; refused in many containers.
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC)
    # After that: new credentials would clear it.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for limit, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    return os.getppid() == parent
