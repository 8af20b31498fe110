"""People who may and may not watch, with a session each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

LogIn = Callable[..., str]


@pytest.fixture
def log_in(db: None) -> LogIn:
    """The key of a session of a new user, whose name is `name`."""

    def call(*, permitted: bool = True, name: str = "op", **fields: bool) -> str:
        user = User.objects.create_user(name, password="a good password")
        for field, value in {"is_staff": True, **fields}.items():
            setattr(user, field, value)
        user.save()
        if permitted:
            user.user_permissions.add(
                Permission.objects.get(codename="view_livesession")
            )
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return str(client.session.session_key)

    return call
