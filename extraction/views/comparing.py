"""The page that shows two readings of a document side by side, and lets the document stand on either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html

from extraction import comparing, outcomes, pipeline, review
from extraction.forms import HEADER_GROUPS, LINE_COLUMNS
from extraction.models import Document, DocumentState, ExtractionRun, RunState
from zalion.portal import site
from zalion.tenancy import roles

MOST_RUNS: Final = 50  # that can be chosen from, the newest
LABELS: Final = {name: label for _, fields in HEADER_GROUPS for name, label in fields}
CELL_LABELS: Final = dict(LINE_COLUMNS)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two readings: the run, and what it made of the document, nothing where it did not find it."""

    run: ExtractionRun
    reading: Mapping[str, Any] | None
    stands: bool
    """Whether the document stands on it."""

    @property
    def document(self) -> Mapping[str, Any]:
        return self.reading["document"] if self.reading else {}

    @property
    def model(self) -> list[outcomes.Told]:
        return outcomes.of_model(self.run)


def readings(request: HttpRequest, key: UUID) -> HttpResponse:
    """The run that the document stands on beside the newest other one, or the two that were asked for."""
    shown = _document(key)
    runs = list(
        ExtractionRun.objects.filter(message=shown.message_id, state=RunState.DONE)
        .defer("readings")
        .order_by("-created_at")[:MOST_RUNS]
    )
    chosen = _chosen(request, shown, runs)
    review.record_comparison(shown, runs=chosen)
    sides = _sides(shown, chosen)
    compared = comparing.compare(sides[0].document, sides[1].document, review.truth(shown)) if sides else None
    return site.render(
        request,
        "extraction/readings.html",
        title=f"Readings of {shown.number or 'a document without a number'}",
        current="review",
        crumbs=[("Review", reverse("portal:review")), (shown.number or "Document", _address(shown))],
        document=shown,
        runs=runs,
        sides=sides,
        compared=compared,
        fields=_labelled(compared.fields, LABELS) if compared else [],
        lines=_lines(sides, compared) if compared else [],
        may_take=shown.state in review.OPEN and roles.allows(request.user, roles.REVIEW_DOCUMENTS),
        may_read_again=roles.allows(request.user, roles.RETRY_MAIL),
        decided=shown.state in (DocumentState.APPROVED, DocumentState.HANDED_OVER),
    )


def take_over(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _document(key)
    runs = ExtractionRun.objects.filter(message=shown.message_id)
    asked = _uuid(request.POST.get("run"))
    run = runs.filter(pk=asked).first() if asked else None
    version = request.POST.get("version", "")
    try:
        if run is None or not version.isascii() or not version.isdigit():
            raise review.NotAllowed("That was not understood.")
        review.take_over(shown, run=run, version=int(version))
    except (review.NotAllowed, review.Conflict) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("portal:document-readings", args=[key]))
    way_back = reverse("portal:document-readings", args=[key])
    messages.success(
        request,
        format_html(
            'The document stands on this reading now. <a href="{}">Take the other back</a>', way_back
        ),
    )
    return HttpResponseRedirect(_address(shown))


def _document(key: UUID) -> Document:
    found: Document = get_object_or_404(Document.objects.select_related("message", "run"), pk=key)
    return found


def _address(shown: Document) -> str:
    return reverse("portal:document", args=[shown.pk])


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _chosen(request: HttpRequest, shown: Document, runs: Sequence[ExtractionRun]) -> list[ExtractionRun]:
    """The older and the newer run to compare; fewer than two where there are no two."""
    by_key: dict[UUID | None, ExtractionRun] = {run.pk: run for run in runs}
    asked = [by_key.get(_uuid(request.GET.get(side))) for side in ("old", "new")]
    others = [run for run in runs if run.pk != shown.run_id]
    defaults = [by_key.get(shown.run_id), others[0] if others else None]
    found = [one or other for one, other in zip(asked, defaults, strict=True)]
    return sorted((run for run in found if run is not None), key=lambda run: run.created_at)


def _sides(shown: Document, chosen: Sequence[ExtractionRun]) -> list[Side]:
    if len(chosen) < 2:
        return []
    return [Side(run, pipeline.reading_of(run, shown), run.pk == shown.run_id) for run in chosen]


def _labelled(found: Sequence[comparing.Difference], labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"label": labels.get(item.name, item.name), "item": item} for item in found]


def _lines(sides: Sequence[Side], compared: comparing.Comparison) -> list[dict[str, Any]]:
    """The lines that differ, each with what tells which it is."""
    shown = []
    for pair in compared.lines:
        if pair.kind == "same":
            continue
        side, at = (1, pair.new) if pair.new is not None else (0, pair.old)
        line = sides[side].document["lines"][at]
        name = line["description"] or line["seller_article"] or line["buyer_article"] or ""
        cells = _labelled(pair.differences, CELL_LABELS)
        shown.append({"pair": pair, "pos": line["pos"], "name": name, "cells": cells})
    return shown
