"""What people and integrators see of what was learned, and the button that takes it back."""

from functools import cache

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from extraction import profiles
from extraction.lessons import lessons, new_in
from extraction.models import Document, SupplierProfile
from extraction.teaching import Profile
from tests.extraction.odd_papers import polish, works
from tests.extraction.test_teaching import taught
from tests.populated import Populated
from tests.zalion.portal.test_queries import queries
from tests.zalion.tenancy.test_signin import sign_in
from tests.zalion.test_rest import token_with
from zalion.tenancy.models import Scope
from zalion.tenancy.unit import unit


@cache
def learned() -> tuple[Profile, Profile]:
    """What two papers teach: reading them again and again until it is known takes a second."""
    first, second = taught(polish(1)), taught(works(1))
    assert first is not None
    assert second is not None
    return first, second


@pytest.fixture
def row(populated: Populated) -> SupplierProfile:
    """A layout that two documents taught."""
    first, second = learned()
    with populated.acme.work():
        document = Document.objects.first()
        assert document is not None
        base = profiles.keep(document, taught=first.to_json(), base=None)
        kept = profiles.keep(document, taught=second.to_json(), base=base)
        assert kept is not None
        with unit():
            Document.objects.filter(pk=document.pk).update(profile=kept)
        return kept


def test_what_was_learned_is_said_in_plain_words() -> None:
    _, profile = learned()
    said = {f"{lesson.subject}: {lesson.words}" for lesson in lessons(profile.to_json())}
    assert "Quantity: The column “zugesagt”." in said
    assert "Number: Below “Laufzettel”." in said
    assert "Their article: After “Sachnummer” within a line." in said
    assert "Supplier: Always “Hammerwerk Sued”, which the page does not print." in said
    assert "Pos: Numbered like ABC-123." in said
    assert new_in(profile.to_json(), profile.to_json()) == []
    assert len(new_in(profile.to_json(), Profile().to_json())) == len(said)


def test_the_pages_say_what_was_learned_and_by_which_document(
    populated: Populated, row: SupplierProfile
) -> None:
    rui = sign_in(populated.acme.rui)
    shown = rui.get(reverse("portal:profiles")).content.decode()
    assert reverse("portal:profile", args=[row.layout]) in shown
    page = rui.get(reverse("portal:profile", args=[row.layout])).content.decode()
    assert "The column “zugesagt”." in page
    assert reverse("portal:document", args=[row.document_id]) in page
    with populated.acme.work():
        assert AuditEvent.objects.filter(action="profile.viewed", object_id=str(row.pk)).count() == 1
        assert AuditEvent.objects.filter(action="profiles.listed").count() == 1
    document = rui.get(reverse("portal:document", args=[row.document_id])).content.decode()
    assert f'<a href="{reverse("portal:profile", args=[row.layout])}">version 2</a>' in document


def test_one_click_undoes_the_version_in_force_and_no_other(
    populated: Populated, row: SupplierProfile
) -> None:
    rui = sign_in(populated.acme.rui)
    address = reverse("portal:profile-undo", args=[row.layout])

    def undo(version: str) -> str:
        return rui.post(address, {"version": version}, follow=True).content.decode()

    assert "Version 1 is in force again." in undo("2")
    assert "Nothing was undone" in undo("2")
    assert "Nothing was undone" in undo("first")
    assert "This layout is read as before." in undo("1")
    assert (
        "Every version was undone" in rui.get(reverse("portal:profile", args=[row.layout])).content.decode()
    )
    assert "Undone" in rui.get(reverse("portal:profiles")).content.decode()
    document = rui.get(reverse("portal:document", args=[row.document_id])).content.decode()
    assert "which was undone since" in document


def test_who_may_only_look_is_shown_no_button(populated: Populated, row: SupplierProfile) -> None:
    abe: Client = sign_in(populated.acme.abe)
    assert (
        reverse("portal:profile-undo", args=[row.layout])
        not in abe.get(reverse("portal:profile", args=[row.layout])).content.decode()
    )


def test_integrators_read_what_was_learned_and_take_it_back(
    populated: Populated, row: SupplierProfile
) -> None:
    erp = token_with(populated, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE)
    listed = erp.get("/supplier-profiles/").json()["results"]
    assert str(row.layout) in {item["id"] for item in listed}
    answer = erp.get(f"/supplier-profiles/{row.layout}/")
    assert answer.json()["version"] == 2
    assert {"subject": "Number", "words": "Below “Laufzettel”."} in answer.json()["lessons"]
    undo = f"/supplier-profiles/{row.layout}/undo/"
    assert erp.post(undo).status_code == 428
    assert erp.post(undo, If_Match='"1"').status_code == 412
    assert erp.post(undo, If_Match=answer["ETag"]).status_code == 204
    assert erp.get(f"/supplier-profiles/{row.layout}/").json()["version"] == 1
    assert erp.post(undo, If_Match='"1"').status_code == 204
    assert erp.get(f"/supplier-profiles/{row.layout}/").status_code == 404


def test_the_list_costs_the_same_with_one_row_and_with_three(
    populated: Populated, row: SupplierProfile
) -> None:
    rui = sign_in(populated.acme.rui)
    queries(rui, "/review/learned/")
    with populated.acme.work():
        document = Document.objects.get(pk=row.document_id)
        before = profiles.latest().count()
    seen = queries(rui, "/review/learned/")
    with populated.acme.work():
        for _ in range(2):
            profiles.keep(document, taught=row.taught, base=None)
        assert profiles.latest().count() == before + 2
    assert queries(rui, "/review/learned/") == seen == 14
