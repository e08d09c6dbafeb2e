"""Nightly tidying: sessions and sign-in links that are over."""

from importlib import import_module

from django.conf import settings
from django.utils import timezone

from zalion.tasks import task
from zalion.tenancy.models import SignInLink
from zalion.tenancy.unit import unit


@task("tenancy.forget_sessions", system=True)
def forget_sessions() -> None:
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    with unit():
        SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
