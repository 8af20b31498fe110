"""What a caller may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from streams.client_address import address_of_request
from streams.models import Application
from streams.rest.authentication import BAD_JWT, Program, require_allowed_address

if TYPE_CHECKING:
    from streams.rest.base import ApplicationView

STAFF_PERMISSION = "streams.change_application"


class MayUseApplication(BasePermission):
    """Raises PermissionDenied that says why; nobody at all is a 401.

    Who shows nothing hears what a bad credential would hear from there: by Ant
    Media the address and the JWT are looked at first (contract 7.3).
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if isinstance(user, Program):
            self.check_program(user, request, cast("ApplicationView", view))
            return True
        if not user.is_authenticated:
            self.check_nobody(request, cast("ApplicationView", view).application)
        return user.is_staff and user.has_perm(STAFF_PERMISSION)

    def check_nobody(self, request: Request, application: Application) -> None:
        require_allowed_address(application, address_of_request(request._request))
        if application.rest_jwt_enabled:
            raise PermissionDenied(BAD_JWT)

    def check_program(
        self, program: Program, request: Request, view: ApplicationView
    ) -> None:
        if program.application_id not in (None, view.application.pk):
            raise PermissionDenied("This key is for another application")
        reads = request.method in SAFE_METHODS and not view.reveals_credentials
        if not reads and not program.can_write:
            raise PermissionDenied("This key may only read")
