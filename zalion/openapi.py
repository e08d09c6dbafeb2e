"""How the REST endpoints describe themselves: drf-spectacular's schema with the scope beside each operation."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from zalion.rest import READ_METHODS


class BearerToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A token of the portal's settings, as RFC 6750 has it."""

    target_class = "zalion.rest.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class Description(AutoSchema):
    """drf-spectacular's description, with the scope a token needs beside each operation."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        kind = "read" if self.method in READ_METHODS else "write"
        if operation is not None and (scope := getattr(self.view, f"{kind}_scope", None)):
            operation["x-scope"] = str(scope)
        return operation
