"""How the REST endpoints describe themselves: drf-spectacular's schema with the scope beside each operation."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from zalion.rest import READ_METHODS


class Description(AutoSchema):
    """drf-spectacular's description, with the scope a token needs beside each operation."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        kind = "read" if self.method in READ_METHODS else "write"
        if operation is not None and (scope := getattr(self.view, f"{kind}_scope", None)):
            operation["x-scope"] = str(scope)
        return operation
