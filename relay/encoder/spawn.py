"""Starts a process without the event loop waiting for it.

Popen and os.posix_spawn hold the interpreter's lock until the child has called exec:
on a busy machine all viewers' packets wait for that. The same posix_spawn(3), called
through cffi from a thread, keeps only that thread waiting.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import cffi

# Of glibc on 64 bits 80 and 336 bytes; nothing in here looks inside.
_ACTIONS_BYTES, _ATTRIBUTES_BYTES = 1024, 1024
_SETSID = 0x80  # POSIX_SPAWN_SETSID: own session, so own process group
PASSED_FD = 3

_ffi = cffi.FFI()
_ffi.cdef(
    """
    int posix_spawn(int *pid, const char *path, const void *actions,
                    const void *attributes, char *const argv[], char *const envp[]);
    int posix_spawn_file_actions_init(void *actions);
    int posix_spawn_file_actions_destroy(void *actions);
    int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path,
                                         int flags, unsigned int mode);
    int posix_spawn_file_actions_adddup2(void *actions, int fd, int new_fd);
    int posix_spawnattr_init(void *attributes);
    int posix_spawnattr_destroy(void *attributes);
    int posix_spawnattr_setflags(void *attributes, short flags);
    """
)
_libc: Any = _ffi.dlopen(None)


def spawn(arguments: Sequence[str], environment: dict[str, str], passed_fd: int) -> int:
    """The pid of a new process in a session of its own.

    It has `passed_fd` as PASSED_FD and nothing behind its standard files; that no
    other file is inherited is up to their own marks (PEP 446). The caller reaps it.

    Raises:
        OSError: it cannot be started.
    """
    actions = _ffi.new("char[]", _ACTIONS_BYTES)
    attributes = _ffi.new("char[]", _ATTRIBUTES_BYTES)
    _check(_libc.posix_spawn_file_actions_init(actions))
    _check(_libc.posix_spawnattr_init(attributes))
    try:
        for fd in (0, 1, 2):
            _check(
                _libc.posix_spawn_file_actions_addopen(
                    actions, fd, b"/dev/null", os.O_RDWR, 0
                )
            )
        _check(_libc.posix_spawn_file_actions_adddup2(actions, passed_fd, PASSED_FD))
        _check(_libc.posix_spawnattr_setflags(attributes, _SETSID))
        pid = _ffi.new("int *")
        path = os.fsencode(arguments[0])
        argv, _kept = _strings(arguments)
        envp, _kept_too = _strings([f"{k}={v}" for k, v in environment.items()])
        _check(_libc.posix_spawn(pid, path, actions, attributes, argv, envp))
        return int(pid[0])
    finally:
        _libc.posix_spawn_file_actions_destroy(actions)
        _libc.posix_spawnattr_destroy(attributes)


def _check(error: int) -> None:
    if error:
        raise OSError(error, os.strerror(error))


def _strings(values: Sequence[str]) -> tuple[object, object]:
    """A null-terminated array of C strings, and what keeps them in memory."""
    kept = [_ffi.new("char[]", os.fsencode(value)) for value in values]
    return _ffi.new("char *[]", [*kept, _ffi.NULL]), kept
