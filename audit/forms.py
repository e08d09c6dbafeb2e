"""What the trail can be narrowed to, in the portal and over REST."""

from typing import Any, Final

from django import forms

from audit import actions
from audit.models import Outcome


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


EXAMPLES: Final = {
    "actor": "id, user, token, task, command",
    "object": "kind, id, or kind:id",
    "story": "correlation id",
}


class FilterForm(forms.Form):
    """What the trail can be narrowed to; every field may be left empty."""

    actor = forms.CharField(required=False, max_length=64, label="Who")
    action = forms.ChoiceField(required=False, label="What")
    object = forms.CharField(required=False, max_length=125, label="To what")
    outcome = forms.ChoiceField(
        required=False, label="Outcome", choices=[("", "Any outcome"), *Outcome.choices]
    )
    story = forms.CharField(required=False, max_length=64, label="Story")
    since = forms.DateTimeField(required=False, label="From", widget=_moment())
    until = forms.DateTimeField(required=False, label="To", widget=_moment())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["action"]
        assert isinstance(chosen, forms.ChoiceField)  # noqa: S101  (declared above)
        chosen.choices = [("", "Anything"), *actions.choices()]
        for name, field in self.fields.items():
            kind = "select" if isinstance(field, forms.ChoiceField) else "input"
            field.widget.attrs |= {"class": kind, "placeholder": EXAMPLES.get(name, "")}
