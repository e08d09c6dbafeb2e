"""Django's view of tenancy."""

from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "zalion.tenancy"
    label = "tenancy"
    verbose_name = "People and tenants"
