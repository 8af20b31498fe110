"""Secrets that are typed and never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError

from streams.typed import ModelForm


class TypedSecret(NamedTuple):
    text: str
    forget: bool


class SecretInput(forms.PasswordInput):
    """A password input, and a box to forget what is stored."""

    template_name = "streams/widgets/secret.html"
    is_stored = False

    def __init__(self) -> None:
        super().__init__(
            attrs={"autocomplete": "new-password", "class": "vTextField"},
            render_value=False,
        )

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["is_stored"] = self.is_stored
        context["widget"]["forget_name"] = f"{name}-forget"
        return context

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> TypedSecret:
        return TypedSecret(data.get(name) or "", bool(data.get(f"{name}-forget")))

    def value_omitted_from_data(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> bool:
        return name not in data and f"{name}-forget" not in data


class SecretField(forms.CharField):
    """Empty: what is stored stays. It takes a form field's place."""

    def __init__(self, field: forms.Field, stored: str) -> None:
        widget = SecretInput()
        widget.is_stored = bool(stored)
        super().__init__(
            required=False,
            widget=widget,
            label=field.label,
            help_text=field.help_text,
            validators=field.validators,
        )
        self.stored = stored

    def clean(self, value: TypedSecret) -> str:
        if value.text and value.forget:
            raise ValidationError("Give a new one or have it forgotten, not both.")
        if value.forget:
            return ""
        return super().clean(value.text) or self.stored

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data.text) or (data.forget and bool(self.stored))


def hide_secrets(form: ModelForm[Any], names: tuple[str, ...]) -> None:
    """Those fields of `form` no longer show what its row holds."""
    for name in names:
        if name in form.fields:
            stored = getattr(form.instance, name)
            form.fields[name] = SecretField(form.fields[name], stored)
            form.initial.pop(name, None)
