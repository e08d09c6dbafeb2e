"""The set-up's forms, built from what each provider asks for, and the ledger's filter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from audit.models import RetentionPolicy
from connectors import registry, rules
from connectors.adapters import Listener
from connectors.models import Mailbox, Operation, SenderPolicy
from zalion.vault.secrets import SecretError, SecretRef

OPTION = "option_"
STARTS = (
    ("", "Choose"),
    ("now", "From now on"),
    ("everything", "Everything that is there"),
    ("day", "From a day on"),
)


def text_input(**attrs: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input", "autocomplete": "off", **attrs})


def option_fields(provider: str) -> Iterator[tuple[str, forms.Field]]:
    """A form field for each field of the provider's Options, as its metadata says."""
    for item in fields(registry.provider(provider).Options):
        told = item.metadata
        default = None if item.default is MISSING else item.default
        common: dict[str, Any] = {
            "label": told["label"],
            "help_text": told["help"],
            "required": item.default is MISSING or bool(told["choices"]) or isinstance(item.default, int),
            "initial": default,
        }
        made: forms.Field
        if told["choices"]:
            select = forms.Select(attrs={"class": "select"})
            made = forms.ChoiceField(choices=told["choices"], widget=select, **common)
        elif isinstance(default, bool):
            tick = forms.CheckboxInput(attrs={"class": "tick"})
            made = forms.BooleanField(widget=tick, **(common | {"required": False}))
        elif isinstance(default, int):
            made = forms.IntegerField(widget=forms.NumberInput(attrs={"class": "input"}), **common)
        elif told["multiline"]:
            area = forms.Textarea(attrs={"class": "textarea mono", "rows": 4, "spellcheck": "false"})
            made = forms.CharField(widget=area, **common)
        else:
            made = forms.CharField(max_length=255, widget=text_input(), **common)
        yield OPTION + item.name, made


class ConnectionForm(forms.Form):
    """Where a mailbox is, how it signs in, how often it is read and how long its mail is kept."""

    name = forms.CharField(
        max_length=200,
        widget=text_input(),
        help_text="As your people call it, such as “Order confirmations”.",
    )
    address = forms.EmailField(
        widget=forms.EmailInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text="The address that suppliers write to.",
    )
    reference = forms.CharField(
        label="Secret",
        max_length=200,
        widget=text_input(spellcheck="false", placeholder="file:acme-orders"),
        help_text="A reference, never the secret itself: file:NAME, env:ZALION_SECRET_NAME.",
    )
    polling_minutes = forms.IntegerField(
        label="Read every … minutes",
        min_value=1,
        max_value=1440,
        initial=10,
        widget=forms.NumberInput(attrs={"class": "input"}),
    )
    push = forms.BooleanField(
        label="Be told of new mail at once",
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs={"class": "tick"}),
        help_text="Keeps a connection open where the server can tell (IMAP IDLE); it is read at intervals as well.",
    )
    retention = forms.ModelChoiceField(
        queryset=RetentionPolicy.objects.all(),
        widget=forms.Select(attrs={"class": "select"}),
        empty_label="Choose a policy",
        help_text="How long mail, attachments and documents are kept.",
    )
    start = forms.ChoiceField(
        label="From when",
        widget=forms.Select(attrs={"class": "select"}),
        help_text="Older mail is taken in as historical: accounted for, and not looked into until you say so.",
    )
    start_day = forms.DateField(
        label="Which day",
        required=False,
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d"),
        help_text="Its midnight, in the portal’s time zone.",
    )
    trusted = forms.CharField(
        label="Verdicts believed from",
        required=False,
        max_length=2000,
        widget=text_input(spellcheck="false", placeholder="mx.acme.example"),
        help_text="The name your own mail gateway writes first into Authentication-Results (SPF, DKIM, DMARC); "
        "several with commas. Exchange Online writes none: enter a hyphen. It must remove forged ones.",
    )

    failed_senders = forms.ChoiceField(
        label="Mail that fails",
        required=False,
        choices=SenderPolicy.choices,
        initial=SenderPolicy.FLAG,
        widget=forms.Select(attrs={"class": "select"}),
        help_text="What becomes of mail whose sender failed SPF, DKIM or DMARC. The verdicts are kept in any case.",
    )

    def __init__(self, *args: Any, provider: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        start = self.fields["start"]
        assert isinstance(start, forms.ChoiceField)  # noqa: S101
        start.choices = [*([("kept", "As it was set")] if "taken_from" in self.initial else []), *STARTS]
        if not issubclass(registry.provider(provider), Listener):
            del self.fields["push"]
        self.option_names: list[str] = []
        for name, made in option_fields(provider):
            self.fields[name] = made
            self.option_names.append(name)

    def option_fields(self) -> Iterator[forms.BoundField]:
        return (self[name] for name in self.option_names)

    def settings(self) -> dict[str, Any]:
        """What onboarding.create_mailbox and configure take."""
        cleaned = self.cleaned_data
        chosen = ("name", "address", "reference", "polling_minutes", "push", "retention")
        plain = {name: cleaned[name] for name in chosen if name in self.fields}
        options = {name.removeprefix(OPTION): cleaned[name] for name in self.option_names}
        plain["taken_from"] = self._taken_from()
        plain["failed_senders"] = cleaned["failed_senders"] or SenderPolicy.FLAG
        plain["trusted_authserv_ids"] = cleaned["trusted"].split(",")
        return {**plain, "options": {name: value for name, value in options.items() if value is not None}}

    def _taken_from(self) -> datetime | None:
        start, day = self.cleaned_data["start"], self.cleaned_data["start_day"]
        if start == "kept":
            kept: datetime | None = self.initial["taken_from"]
            return kept
        if start == "day":
            return timezone.make_aware(datetime.combine(day, time.min))
        return timezone.now() if start == "now" else None

    def clean_reference(self) -> str:
        written: str = self.cleaned_data["reference"]
        try:
            return str(SecretRef.parse(written))
        except SecretError as error:
            # Somebody may have pasted the secret itself: the page does not send it back.
            self.data = {name: self.data[name] for name in self.data} | {"reference": ""}
            raise forms.ValidationError(f"{error} {error.what_to_do} What was typed is not kept.") from error

    def clean(self) -> None:
        if self.cleaned_data.get("start") == "day" and self.cleaned_data.get("start_day") is None:
            self.add_error("start_day", "Enter the day.")

    @staticmethod
    def initial_of(mailbox: Mailbox, *, reference: str) -> dict[str, Any]:
        plain = {
            "name": mailbox.name,
            "address": mailbox.address,
            "reference": reference,
            "polling_minutes": mailbox.polling_minutes,
            "push": mailbox.push,
            "retention": mailbox.retention_id,
            "start": "kept",
            "taken_from": mailbox.taken_from,
            "trusted": ", ".join(mailbox.trusted_authserv_ids),
            "failed_senders": mailbox.failed_senders,
        }
        return {**plain, **{OPTION + name: value for name, value in mailbox.options.items()}}


def chosen_folders(posted: Any, listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """The folders ticked that the page offered, in the server's order."""
    ticked = set(posted.getlist("folder"))
    return [folder["id"] for folder in listed if folder["id"] in ticked]


def chosen_grants(posted: Any, folders: Sequence[str]) -> list[tuple[str, str]]:
    """The (folder, operation) ticked, of those the page offered; the first folder, empty, is the whole mailbox."""
    ticked = set(posted.getlist("grant"))
    return [
        (folder, operation)
        for number, folder in enumerate(folders)
        for operation in Operation.values
        if f"{number}:{operation}" in ticked
    ]


class FilterForm(forms.Form):
    """A folder's filter, and over how many of its mails it is tried."""

    senders_allowed = forms.CharField(
        label="Only from these domains",
        required=False,
        widget=forms.Textarea(attrs={"class": "textarea mono", "rows": 3, "spellcheck": "false"}),
        help_text="One on a line; what is below a domain counts. Empty: from anybody.",
    )
    senders_denied = forms.CharField(
        label="Never from these domains",
        required=False,
        widget=forms.Textarea(attrs={"class": "textarea mono", "rows": 3, "spellcheck": "false"}),
        help_text="One on a line; they outweigh the others.",
    )
    subject_words = forms.CharField(
        label="With one of these in the subject",
        required=False,
        widget=forms.Textarea(attrs={"class": "textarea", "rows": 3}),
        help_text="Words or parts of words, one on a line.",
    )
    attachment_types = forms.MultipleChoiceField(
        label="With an attachment of one of these kinds",
        required=False,
        choices=[
            (name, name.upper() if len(name) < 4 else name.capitalize()) for name in rules.ATTACHMENT_TYPES
        ],
        widget=forms.CheckboxSelectMultiple,
        help_text="By what the content is, whatever it is called. None chosen: with or without.",
    )
    last = forms.IntegerField(
        label="Try it on the last … mails",
        min_value=1,
        max_value=rules.MOST_TRIED,
        initial=50,
        widget=forms.NumberInput(attrs={"class": "input"}),
    )

    def clean(self) -> None:
        cleaned = self.cleaned_data
        try:
            self.chosen = rules.make(
                {
                    "senders_allowed": cleaned.get("senders_allowed", "").replace(",", "\n").splitlines(),
                    "senders_denied": cleaned.get("senders_denied", "").replace(",", "\n").splitlines(),
                    "attachment_types": cleaned.get("attachment_types", []),
                    "subject_words": cleaned.get("subject_words", "").splitlines(),
                }
            )
        except rules.FilterError as error:
            raise forms.ValidationError(str(error)) from error

    @staticmethod
    def initial_of(chosen: rules.Filter) -> dict[str, Any]:
        lines = {
            name: "\n".join(getattr(chosen, name))
            for name in ("senders_allowed", "senders_denied", "subject_words")
        }
        return {**lines, "attachment_types": list(chosen.attachment_types)}


class LedgerFilter(forms.Form):
    """What the ledger is narrowed to; a value that does not exist narrows nothing."""

    q = forms.CharField(required=False, max_length=200)
    state = forms.CharField(required=False, max_length=12)
    kind = forms.CharField(required=False, max_length=30)
    mailbox = forms.UUIDField(required=False)
