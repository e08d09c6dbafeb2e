"""Django's view of audit."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "The trail"

    def ready(self) -> None:
        from audit import checks, receivers, trail  # noqa: F401  (checks registers itself)
        from audit.models import LegalHold, RetentionPolicy
        from zalion.tenancy.models import ApiToken, Membership, Tenant, User

        receivers.connect()
        trail.track(Tenant)
        trail.track(User, masked=("session_nonce",), ignored=("last_login",))
        trail.track(Membership)
        trail.track(ApiToken, masked=("digest",))
        trail.track(RetentionPolicy)
        trail.track(LegalHold)
