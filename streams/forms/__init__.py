"""Forms of the admin: what people type, as what the rows hold."""

from streams.forms.api_keys import ApiKeyForm
from streams.forms.applications import APPLICATION_SECRETS, ApplicationForm
from streams.forms.broadcasts import BroadcastForm
from streams.forms.panels import (
    BlockForm,
    BlockPeriodForm,
    BlockTermsForm,
    CheckCodeForm,
    MakeTokenForm,
)
from streams.forms.subscribers import SubscriberForm
from streams.forms.tokens import TokenForm

__all__ = [
    "APPLICATION_SECRETS",
    "ApiKeyForm",
    "ApplicationForm",
    "BlockForm",
    "BlockPeriodForm",
    "BlockTermsForm",
    "BroadcastForm",
    "CheckCodeForm",
    "MakeTokenForm",
    "SubscriberForm",
    "TokenForm",
]
