"""The pages of the retention policies."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from audit import retention
from audit.models import RetentionPolicy
from zalion.portal import site

LONGEST = 36_525  # days: a century


def days(label: str, initial: int) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "input"})
    return forms.IntegerField(label=label, min_value=1, max_value=LONGEST, initial=initial, widget=widget)


class PolicyForm(forms.Form):
    """A new policy, in days from the day a mail was received."""

    name = forms.CharField(
        max_length=100, widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"})
    )
    raw_mail_days = days("Raw mail, days", 365)
    attachment_days = days("Attachments, days", 365)
    document_days = days("Documents, days", 3650)


def index(request: HttpRequest) -> HttpResponse:
    rows = RetentionPolicy.objects.all()
    return site.render(
        request,
        "portal/settings/retention.html",
        title="Settings",
        current="settings",
        tab="retention",
        rows=rows,
    )


def create(request: HttpRequest) -> HttpResponse:
    form = PolicyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            retention.create_policy(wanted.pop("name"), **wanted)
        except retention.PolicyRefused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The policy is there; choose it on a mailbox.")
            return HttpResponseRedirect(reverse("portal:retention"))
    return site.render(
        request,
        "portal/settings/retention_new.html",
        title="New retention policy",
        current="settings",
        crumbs=[("Settings", reverse("portal:people")), ("Retention", reverse("portal:retention"))],
        form=form,
    )
