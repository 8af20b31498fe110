"""Lists that people read and processes write."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model
from django.http import HttpRequest

from streams.admin.base import BaseAdmin

ModelT = TypeVar("ModelT", bound=Model)


class ReadOnlyAdmin(BaseAdmin[ModelT]):
    """Nobody adds, changes or deletes here, whatever their permissions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Whether the operator's own permissions would let them change a row."""
        return bool(super().has_change_permission(request))
