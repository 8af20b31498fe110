"""libsrtp sessions for the tests: two ends of one key."""

from __future__ import annotations

from typing import Any

import pylibsrtp

KEY = bytes(range(44))
PROFILES = {
    16: (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    10: (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
}


_alive: list[pylibsrtp.Session] = []  # a handle is dead memory without its session


class Sender:
    """What a viewer's DTLS leaves behind: `handle` protects."""

    def __init__(self, tag_bytes: int = 16) -> None:
        self._session = _session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND, tag_bytes)
        self.handle: Any = self._session._srtp[0]


class Receiver:
    """The viewer's end."""

    def __init__(self, tag_bytes: int = 16) -> None:
        self._session = _session(pylibsrtp.Policy.SSRC_ANY_INBOUND, tag_bytes)
        self.handle: Any = self._session._srtp[0]

    def unprotect(self, data: bytes) -> bytes:
        return self._session.unprotect(data)


def _session(ssrc_type: int, tag_bytes: int) -> pylibsrtp.Session:
    profile, key_bytes = PROFILES[tag_bytes]
    policy = pylibsrtp.Policy(
        key=KEY[:key_bytes], ssrc_type=ssrc_type, srtp_profile=profile
    )
    policy.window_size = 1024
    policy.allow_repeat_tx = True
    session = pylibsrtp.Session(policy)
    _alive.append(session)
    return session
