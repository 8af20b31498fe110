"""An application's settings."""

from __future__ import annotations

from typing import Any

from streams.forms.ladder import LadderField
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
    "turn_shared_secret",
)


class ApplicationForm(ModelForm[Application]):
    """Secrets are typed and not shown. Contradictions are the model's to refuse."""

    encoder_settings = LadderField(
        label="Renditions",
        help_text="Lower qualities that are encoded of each live stream, for viewers "
        "with less bandwidth (encoderSettings); a broadcast may have its own. None: "
        "viewers get what the publisher sends. Encoding takes processor time for as "
        "long as a stream is live; simulcast of a publisher needs none, and goes "
        "first. An empty bitrate leaves it to the encoder, for audio: as it is sent.",
    )

    class Meta:
        model = Application
        fields = "__all__"  # what the admin's fieldsets name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hide_secrets(self, APPLICATION_SECRETS)
