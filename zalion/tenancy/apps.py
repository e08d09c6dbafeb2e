"""Django's view of tenancy."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class TenancyConfig(AppConfig):
    name = "zalion.tenancy"
    label = "tenancy"
    verbose_name = "People and tenants"

    def ready(self) -> None:
        from zalion.tenancy import walls

        connection_created.connect(walls.guard, dispatch_uid="tenancy.walls")
        post_migrate.connect(walls.install, sender=self, dispatch_uid="tenancy.walls")
