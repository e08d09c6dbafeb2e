"""A model with sealed columns that exists in these tests alone, outside Django's registry."""

from django.db import models
from django.test.utils import isolate_apps

from zalion.tenancy.models import Tenant
from zalion.tenancy.scoping import TenantModel
from zalion.vault.fields import EqualityTokenField, SealedJsonField, SealedTextField

with isolate_apps("zalion.tenancy", "zalion.vault") as registry:
    registry.register_model("tenancy", Tenant)

    class Note(TenantModel):
        text = SealedTextField(null=True)
        secret = SealedTextField(null=True, purpose="tokens")
        data = SealedJsonField(null=True)
        number_token = EqualityTokenField(blank=True)
        state = models.CharField(max_length=10, default="new")

        class Meta(TenantModel.Meta):
            app_label = "vault"
            db_table = "test_vault_note"

        def __str__(self) -> str:
            return self.text or ""

    class SystemNote(models.Model):
        id = models.UUIDField(primary_key=True)
        tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="+")
        text = SealedTextField()

        class Meta:
            app_label = "vault"
            db_table = "test_vault_systemnote"

        def __str__(self) -> str:
            return "note"

    class Wrong(models.Model):
        text = SealedTextField(db_index=True)

        class Meta:
            app_label = "vault"
            ordering = ("-text",)

        def __str__(self) -> str:
            return "wrong"
