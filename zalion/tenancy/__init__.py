"""Tenants, their people, the context work runs in and the wall between tenants."""
