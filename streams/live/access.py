"""Who may watch: asked when a socket opens, and again while it is open."""

from __future__ import annotations

from enum import Enum
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

PERMISSION = "streams.view_livesession"


class Access(Enum):
    ALLOWED = 1
    LOGGED_OUT = 2
    FORBIDDEN = 3


def check_access(session_key: str) -> Access:
    """What the session's user may do now. Raises Django's DatabaseError.

    Read afresh each time: a logout, a new password, the loss of staff status or
    of the permission count from the next call on.
    """
    if not session_key or not session_key.isprintable():  # PostgreSQL takes no NUL
        return Access.LOGGED_OUT
    request = HttpRequest()
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(session_key)
    user = get_user(request)
    if not user.is_authenticated:
        return Access.LOGGED_OUT
    if user.is_staff and user.has_perm(PERMISSION):
        return Access.ALLOWED
    return Access.FORBIDDEN
