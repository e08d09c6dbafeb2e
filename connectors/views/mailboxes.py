"""Mailboxes: how they fare, and setting one up from its connection to the second signature."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from connectors import errors, gateway, ingest, onboarding, reading, reconcile, registry, rules, sync
from connectors.forms import ConnectionForm, FilterForm, chosen_folders, chosen_grants
from connectors.models import (
    AccessScope,
    Approval,
    ApprovalKind,
    Credential,
    FolderMapping,
    Mailbox,
    MappingKind,
    Operation,
)
from connectors.onboarding import OnboardingError
from connectors.views import connecting, guide, standing
from zalion.portal import site
from zalion.tenancy.models import Tenant, User
from zalion.vault.secrets import provisioning_command

FIRST_PROVIDER = next(iter(registry.PROVIDERS))
STORY = 10
CHECKING = "checking"  # in the address while the page waits for the worker's report


def index(request: HttpRequest) -> HttpResponse:
    rows = standing.rows(now=timezone.now())
    return site.render(
        request, "connectors/mailboxes.html", title="Mailboxes", current="mailboxes", rows=rows
    )


def mailbox(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = get_object_or_404(standing.mailboxes().select_related("retention"), pk=key)
    configuration, signed = onboarding.configuration(shown), onboarding.configuration_hash(shown)
    approvals = list(Approval.objects.filter(mailbox=shown).select_related("user").order_by("-created_at"))
    standing_now = [a for a in approvals if a.configuration == signed and a.withdrawn_at is None]
    valid = {approval.kind: approval for approval in standing_now}
    signers = {approval.user_id for approval in valid.values()}
    return _page(
        request,
        shown,
        "connectors/mailbox.html",
        title=shown.name,
        key=str(key),
        folders=standing.folders(shown),
        historical=standing.historical(shown),
        configuration=configuration,
        connection=connecting.described(shown),
        provider=registry.provider(shown.provider).title,
        configuration_hash=signed,
        approvals=[(kind, label, valid.get(kind)) for kind, label in ApprovalKind.choices],
        earlier=[approval for approval in approvals if approval not in standing_now],
        signed_by_me=isinstance(request.user, User) and request.user.pk in signers,
        live=shown.state in onboarding.LIVE,
        guide=guide.steps(shown, requirements=onboarding.requirements(shown), signed=valid)
        if shown.state not in onboarding.LIVE
        else [],
        secret_known=guide.knows_secret(shown),
        check_waiting=shown.checked_at is None and CHECKING in request.GET,
        late=standing.is_late(shown, now=timezone.now()),
        listening=standing.listening(shown, now=timezone.now()),
        unstored=standing.unstored(shown),
        unscanned=standing.unscanned(shown),
        advice=errors.advice(shown.error_code),
        command=_command(shown, configuration["credential"]).split(" "),
        story=AuditEvent.objects.filter(object_kind="mailbox", object_id=str(key)).order_by("-sequence")[
            :STORY
        ],
    )


def create(request: HttpRequest) -> HttpResponse:
    """Describe a mailbox. Asked for it, the address's domain is asked where that is, and nothing is kept."""
    form = ConnectionForm(request.POST or None, provider=FIRST_PROVIDER)
    helped = connecting.Help(form, told="", filled=request.POST.get(connecting.FILLED, ""))
    if "suggest" in request.POST:
        helped = connecting.suggested(request.POST, provider=FIRST_PROVIDER)
    elif request.method == "POST" and form.is_valid():
        try:
            made = onboarding.create_mailbox(provider=FIRST_PROVIDER, **form.settings())
        except OnboardingError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The connection is kept. Now provision the secret and check it.")
            return _back(made.pk)
    return site.render(
        request,
        "connectors/connection.html",
        title="Connect a mailbox",
        current="mailboxes",
        crumbs=[("Mailboxes", reverse("portal:mailboxes"))],
        form=helped.form,
        told=helped.told,
        filled=helped.filled,
        command=connecting.command_words(_tenant(request), provider=FIRST_PROVIDER),
        provider=registry.provider(FIRST_PROVIDER).title,
    )


def connection(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    credential = Credential.objects.filter(mailbox=shown).first()
    initial = ConnectionForm.initial_of(shown, reference=credential.reference if credential else "")
    form = ConnectionForm(request.POST or None, provider=shown.provider, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            onboarding.configure(shown, **form.settings())
        except OnboardingError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The settings are kept.")
            return _back(key)
    provider = registry.provider(shown.provider).title
    return _page(
        request, shown, "connectors/connection.html", title="Connection", form=form, provider=provider
    )


def folders(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    listed = standing.offered(shown)
    if request.method == "POST":
        upload = "upload" in request.POST
        return _act(
            request,
            key,
            lambda: onboarding.map_folders(
                shown, folders=chosen_folders(request.POST, listed), upload=upload
            ),
            "These folders are taken in, and no others.",
            then="portal:mailbox-scopes" if shown.state not in onboarding.LIVE else "portal:mailbox",
        )
    mapped = set(FolderMapping.objects.filter(mailbox=shown).values_list("kind", "folder"))
    ticked = {folder for kind, folder in mapped if kind == MappingKind.FOLDER}
    return _page(
        request,
        shown,
        "connectors/folders.html",
        title="Folders",
        listed=[{**folder, "ticked": folder["id"] in ticked} for folder in listed],
        upload=any(kind == MappingKind.UPLOAD for kind, _ in mapped),
        live=shown.state in onboarding.LIVE,
        mappings=FolderMapping.objects.filter(mailbox=shown, kind=MappingKind.FOLDER),
    )


def folder_filter(request: HttpRequest, key: UUID, mapping: UUID) -> HttpResponse:
    """Set a folder's filter; it is saved only as it was tried, so that nobody saves what he has not seen work."""
    shown = _mailbox(key)
    place: FolderMapping = get_object_or_404(
        FolderMapping.objects.select_related("mailbox"), pk=mapping, mailbox=shown, kind=MappingKind.FOLDER
    )
    form = FilterForm(request.POST or None, initial=FilterForm.initial_of(rules.of(place)))
    trials: list[rules.Trial] | None = None
    if request.method == "POST" and form.is_valid():
        if "save" in request.POST and request.POST.get("tried") == form.chosen.fingerprint():
            onboarding.set_filter(place, chosen=form.chosen)
            messages.success(request, "The filter is kept. IT and compliance sign it before it is used.")
            return _back(key)
        trials = rules.dry_run(place, form.chosen, last=form.cleaned_data["last"])
        reading.listed([trial.message for trial in trials])
    return _page(
        request,
        shown,
        "connectors/filter.html",
        title=f"Filter of {place.name}",
        form=form,
        trials=trials,
        passed=sum(not trial.refusal for trial in trials or ()),
        tried=form.chosen.fingerprint() if trials is not None else "",
    )


def scopes(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    mapped = list(FolderMapping.objects.filter(mailbox=shown, kind=MappingKind.FOLDER).order_by("name"))
    places = ["", *(mapping.folder for mapping in mapped)]
    if request.method == "POST":
        grants = chosen_grants(request.POST, places)
        return _act(
            request,
            key,
            lambda: onboarding.grant_scopes(shown, grants=grants),
            "This is all that Zalion may touch.",
        )
    granted = set(AccessScope.objects.filter(mailbox=shown).values_list("folder", "operation"))
    names = ["The whole mailbox", *(mapping.name for mapping in mapped)]
    rows = [
        {
            "name": name,
            "cells": [(f"{number}:{o.value}", o.label, (place, o.value) in granted) for o in Operation],
        }
        for number, (place, name) in enumerate(zip(places, names, strict=True))
    ]
    return _page(
        request, shown, "connectors/scopes.html", title="Access", rows=rows, operations=Operation.choices
    )


def check(request: HttpRequest, key: UUID) -> HttpResponse:
    onboarding.request_check(_mailbox(key))
    return HttpResponseRedirect(f"{reverse('portal:mailbox', args=[key])}?{CHECKING}=1#check")


def request_sign_off(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    return _act(request, key, lambda: onboarding.request_sign_off(shown), "IT and compliance can sign now.")


def approve(request: HttpRequest, key: UUID, *, kind: str) -> HttpResponse:
    shown = _mailbox(key)
    seen = request.POST.get("configuration", "")
    return _act(
        request,
        key,
        lambda: onboarding.approve(shown, user=_person(request), kind=kind, shown=seen),
        "Signed.",
    )


def pause(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    return _act(request, key, lambda: onboarding.pause(shown), "Paused: nothing is read until it is resumed.")


def resume(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    return _act(request, key, lambda: onboarding.resume(shown), "The mailbox is live again.")


def sync_now(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    return _act(request, key, lambda: sync.sync_now(shown), "Every folder is read now.")


def reconcile_now(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    return _act(
        request, key, lambda: reconcile.reconcile_now(shown), "Every folder is compared with its ledger now."
    )


def read_history(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _mailbox(key)
    return _act(
        request, key, lambda: ingest.read_history(shown), "The historical mail is read for documents now."
    )


def _act(
    request: HttpRequest, key: UUID, act: Callable[[], object], done: str, *, then: str = "portal:mailbox"
) -> HttpResponse:
    """Do it, say what came of it, and go to the page ``then`` of the mailbox; to its first one where it failed."""
    try:
        act()
    except OnboardingError as error:
        messages.error(request, str(error))
        return _back(key)
    messages.success(request, done)
    return HttpResponseRedirect(reverse(then, args=[key]))


def _page(request: HttpRequest, shown: Mailbox, template: str, *, title: str, **context: Any) -> HttpResponse:
    crumbs = [("Mailboxes", reverse("portal:mailboxes"))]
    if title != shown.name:
        crumbs.append((shown.name, reverse("portal:mailbox", args=[shown.pk])))
    return site.render(
        request, template, title=title, current="mailboxes", crumbs=crumbs, mailbox=shown, **context
    )


def _back(key: UUID) -> HttpResponse:
    return HttpResponseRedirect(reverse("portal:mailbox", args=[key]))


def _mailbox(key: UUID) -> Mailbox:
    found: Mailbox = get_object_or_404(Mailbox, pk=key)
    return found


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101  (admin_view lets nobody else in)
    return request.user


def _tenant(request: HttpRequest) -> Tenant:
    tenant = getattr(request, "tenant", None)
    assert isinstance(tenant, Tenant)  # noqa: S101  (without one there is no right to configure)
    return tenant


def _command(shown: Mailbox, reference: str) -> str:
    """The line that provisions the mailbox's secret, with its names filled in."""
    return provisioning_command(reference, gateway.secret_purpose(shown)) if reference else ""
