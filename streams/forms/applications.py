"""An application's settings."""

from __future__ import annotations

from typing import Any

from streams.forms.secrets import hide_secrets
from streams.models import Application
from streams.typed import ModelForm

APPLICATION_SECRETS = (
    "jwt_stream_secret",
    "totp_secret_publish",
    "totp_secret_play",
    "token_hash_secret",
    "webhook_secret",
    "rest_jwt_secret",
    "push_jwt_secret",
)


class ApplicationForm(ModelForm[Application]):
    """Secrets are typed and not shown. Contradictions are the model's to refuse."""

    class Meta:
        model = Application
        fields = "__all__"  # what the admin's fieldsets name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hide_secrets(self, APPLICATION_SECRETS)
