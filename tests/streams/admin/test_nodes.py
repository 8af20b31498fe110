"""The lists of processes, and of what they hold."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from streams import services
from streams.models import Broadcast, Node
from tests.streams.admin.conftest import page


@pytest.mark.parametrize("model", ["livesession", "node"])
def test_what_processes_write_is_for_reading(
    admin_client: Client, on_air: Broadcast, model: str
) -> None:
    key = on_air.application.sessions.first() if model == "livesession" else None
    args = [key.pk if key else "asgi-1"]

    assert "192.0.2.1" in page(
        admin_client, reverse("admin:streams_livesession_changelist")
    )
    view = reverse(f"admin:streams_{model}_change", args=args)
    assert 'name="_save"' not in page(admin_client, view)
    assert admin_client.post(view, {}).status_code == 403
    for name in ("add", "delete"):
        wanted = args if name == "delete" else []
        url = reverse(f"admin:streams_{model}_{name}", args=wanted)
        assert admin_client.get(url).status_code == 403


def test_the_list_of_processes_tells_the_living_from_the_dead(
    admin_client: Client, db: None
) -> None:
    for name in ("asgi-1", "asgi-2", "relay@1"):
        services.register_node(name, "asgi")
    Node.objects.filter(pk="asgi-2").update(closed=True)
    Node.objects.filter(pk="relay@1").update(heartbeat_at="2020-01-01T00:00Z")

    text = page(admin_client, reverse("admin:streams_node_changelist"))

    for kind, word in (("none", "alive"), ("none", "ended"), ("dead", "silent")):
        assert f'<span class="state state-{kind}">{word}</span>' in text
