"""Django's classes that its type stubs make generic, and Django itself does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ModelAdmin
    from django.forms import ModelForm as ModelForm
else:

    class ModelAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, model: Any) -> type[ModelAdmin]:
            return cls

    class ModelForm(forms.ModelForm):
        def __class_getitem__(cls, model: Any) -> type[ModelForm]:
            return cls
