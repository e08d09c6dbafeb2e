"""Making tenants and people, and giving people their roles."""

from zalion.tenancy.context import Actor, work
from zalion.tenancy.models import Membership, Role, Tenant, User
from zalion.tenancy.unit import unit
from zalion.vault.keys import create_keys


def create_tenant(name: str, *, slug: str, actor: Actor) -> Tenant:
    """A new tenant with keys of its own; raises ValidationError for a bad or taken slug."""
    tenant = Tenant(name=name, slug=slug)
    tenant.full_clean()
    with unit():
        tenant.save()
        with work(tenant.pk, actor):
            create_keys(tenant.pk)
    return tenant


def add_person(username: str, *, name: str, email: str = "", platform_operator: bool = False) -> User:
    with unit():
        return User.objects.create_user(
            username, name=name, email=email, is_platform_operator=platform_operator
        )


def grant_role(user: User, *, role: Role) -> Membership:
    """Give ``user`` a role in the tenant at work; giving it twice changes nothing."""
    with unit():
        found = Membership.objects.filter(user=user, role=role).first()
        if found is None:
            found = Membership(user=user, role=role)
            found.save()
    return found


def take_role(membership: Membership) -> None:
    with unit():
        membership.delete()
