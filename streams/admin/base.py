"""What every page of the admin has: the operator's zone, buttons, kept secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import SimpleTemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone

from streams.forms.zones import is_zone
from streams.typed import ModelAdmin

ModelT = TypeVar("ModelT", bound=Model)
ZONE_KEY = "time_zone"  # of the login session

# A button's work. What it returns is the answer; None: back to the row's page.
Button = Callable[[Any, HttpRequest, Any], HttpResponseBase | None]


def remembered_zone(request: HttpRequest) -> ZoneInfo:
    """The zone that this operator chose last, or the installation's."""
    name = str(request.session.get(ZONE_KEY))
    return ZoneInfo(name if is_zone(name) else timezone.get_default_timezone_name())


class BaseAdmin(ModelAdmin[ModelT]):
    """Pages in the operator's zone, and buttons that are POST addresses of a row.

    `secret_fields` are never compared with what an address asks for: a list that
    can be filtered by the first letters of a secret tells it.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset()
    buttons: ClassVar[Mapping[str, Button]] = {}

    class Media:
        css: ClassVar = {"all": ("streams/admin.css",)}
        js: ClassVar = ("streams/admin.js",)

    # Pages

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _in_zone(
            request, partial(super().changeform_view, request), args, kwargs
        )

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _in_zone(
            request, partial(super().changelist_view, request), args, kwargs
        )

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        if zone := form.cleaned_data.get(ZONE_KEY):
            request.session[ZONE_KEY] = zone
        return super().save_form(request, form, change)

    @admin.display(description="time zone")
    def time_zone(self, row: ModelT) -> str:
        """In place of the form's field, for those who may only look."""
        return timezone.get_current_timezone_name()

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if lookup.split("__")[0] in self.secret_fields:
            return False
        return super().lookup_allowed(lookup, value, request)

    # Buttons

    def get_urls(self) -> list[URLPattern]:
        opts = self.opts
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(partial(self._press, button)),
                name=f"{opts.app_label}_{opts.model_name}_{name.replace('-', '_')}",
            )
            for name, button in self.buttons.items()
        ]
        return [*own, *super().get_urls()]

    def page_of(self, row: Model) -> str:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
        return reverse(name, args=[quote(row.pk)])

    def button_url(self, row: Model, name: str) -> str:
        opts = row._meta
        view = f"admin:{opts.app_label}_{opts.model_name}_{name.replace('-', '_')}"
        return reverse(view, args=[quote(row.pk)])

    def tell(
        self, request: HttpRequest, text: str, level: int = messages.SUCCESS
    ) -> None:
        self.message_user(request, text, level)

    def tell_errors(self, request: HttpRequest, form: Any) -> None:
        """What is wrong with the few fields beside a button."""
        for name, errors in form.errors.items():
            for error in errors:
                self.tell(request, f"{form[name].label}: {error}", messages.ERROR)

    def _press(
        self, button: Button, request: HttpRequest, object_id: str
    ) -> HttpResponseBase:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        if row is None:
            self.tell(request, "It is there no longer.", messages.WARNING)
            opts = self.opts
            return HttpResponseRedirect(
                reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
            )
        with timezone.override(remembered_zone(request)):
            answer = button(self, request, row)
        return answer or HttpResponseRedirect(self.page_of(row))


def require(allowed: bool) -> None:
    """Raise PermissionDenied (403) unless allowed."""
    if not allowed:
        raise PermissionDenied


def _in_zone(
    request: HttpRequest,
    view: Callable[..., HttpResponse],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> HttpResponse:
    """The page, rendered while the operator's zone is the current one."""
    with timezone.override(remembered_zone(request)):
        response = view(*args, **kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        return response
