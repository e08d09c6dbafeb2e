"""Template tags of the design system: icons, badges, times, sizes, the bar chart and the progress bar."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from zalion.portal import states

register = template.Library()

# Across, the chart is drawn in per cent, so that it fits any width with its words unscaled; down, in pixels.
CHART_HEIGHT: Final = 180
CHART_BASE: Final = 156  # where the bars stand; the days are written below
CHART_TOP: Final = 18
CHART_LEFT: Final = 3.0  # per cent, for the numbers of the scale


@register.simple_tag
def theme(request: Any) -> SafeString:
    """The colour scheme this browser asked for, as the root's attribute; nothing where the system decides."""
    chosen = request.COOKIES.get("zalion_theme", "") if request else ""
    return format_html(' data-theme="{}"', chosen) if chosen in {"light", "dark"} else SafeString("")


@register.simple_tag
def sprite(name: str) -> str:
    return f"{static('image/icons.svg')}#{name}"


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', sprite(name))


@register.simple_tag
def badge(state: str, label: str = "") -> SafeString:
    """A state or outcome of house.md as a word with a mark."""
    return format_html(
        '<span class="badge {}">{}</span>', states.classes(str(state)), label or states.words(str(state))
    )


@register.filter
def words(code: Any) -> str:
    return states.words(str(code or ""))


@register.filter
def initials(name: str) -> str:
    parts = str(name or "?").split()
    return "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)).upper()


@register.filter
def item(row: Sequence[Any], index: int) -> Any:
    """``row[index]``: for two sequences that run side by side."""
    return row[index]


@register.simple_tag
def moment(when: datetime | None) -> SafeString:
    """A point in time, in full."""
    return _time(when, lambda local: f"{local:%Y-%m-%d %H:%M}")


@register.simple_tag
def ago(when: datetime | None) -> SafeString:
    """A point in time as people say it; the whole of it in the title."""
    return _time(when, lambda local: said(when, timezone.now()) if when else "")


@register.simple_tag
def due(when: datetime | None) -> SafeString:
    """When something comes next; what is past is due."""
    now = timezone.now()
    return _time(when, lambda local: "due" if local <= now else said(local, now))


def said(when: datetime, now: datetime) -> str:
    """``when`` in relation to ``now``: just now, 5 min ago, in 3 h, 12 Mar, 12 Mar 2023."""
    seconds = int((now - when).total_seconds())
    distance = abs(seconds)
    if distance < 45:
        return "just now" if seconds >= 0 else "in a moment"
    for limit, unit, name in ((3600, 60, "min"), (86400, 3600, "h"), (7 * 86400, 86400, "d")):
        if distance < limit:
            text = f"{max(1, round(distance / unit))} {name}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    local = timezone.localtime(when)
    same_year = local.year == timezone.localtime(now).year
    return f"{local.day} {local:%b}" if same_year else f"{local.day} {local:%b %Y}"


def _time(when: datetime | None, write: Any) -> SafeString:
    if when is None:
        return format_html('<span class="quiet">{}</span>', "never")
    local = timezone.localtime(when)
    full = f"{local:%Y-%m-%d %H:%M:%S %Z}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), full, write(local))


@register.filter
def size(count: int | None) -> str:
    """Bytes as people read them: 512 B, 4.2 kB, 31 MB."""
    amount = float(count or 0)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


@register.filter
def grouped(count: int | None) -> str:
    return "0" if count is None else f"{count:,}"


@register.filter
def money(amount: str | None) -> str:
    """A canonical amount as people read it: groups of three, and at least two decimals. Other text stays."""
    whole, point, rest = str(amount or "").partition(".")
    if not whole.lstrip("-").isdigit() or not (rest.isdigit() or not point):
        return str(amount or "")
    return f"{int(whole):,}.{rest.ljust(2, '0')}"


@register.filter
def percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.0f} %"


@register.inclusion_tag("portal/parts/progress.html")
def progress(done: int, total: int | None, label: str, busy: bool = False) -> dict[str, Any]:
    """How far something is: ``done`` of ``total``; an unknown total shows as empty."""
    filled = round(1000 * min(done, total) / total) if total else 0
    return {"done": done, "total": total or 1, "filled": filled, "label": label, "busy": busy}


@register.inclusion_tag("portal/parts/field.html")
def field(bound: Any) -> dict[str, Any]:
    """A form's field with its label, help and errors."""
    return {"field": bound}


@register.inclusion_tag("portal/parts/bars.html")
def bars(title: str, series: Sequence[str], rows: Sequence[tuple[date, Sequence[int]]]) -> dict[str, Any]:
    """A bar chart with a group of bars per day; ``rows`` are (day, one value per series), oldest first."""
    top = scale_top(max((value for _, values in rows for value in values), default=0))
    pitch = (100 - CHART_LEFT) / max(1, len(rows))
    every = max(1, -(-len(rows) // 7))
    return {
        "title": title,
        "series": series,
        "rows": rows,
        "height": CHART_HEIGHT,
        "base": CHART_BASE,
        "label_y": CHART_HEIGHT - 6,
        "grid": [
            {"value": value or "", "y": _y(value, top), "text_y": f"{float(_y(value, top)) - 5:.1f}"}
            for value in (0, top // 2, top)
        ],
        "columns": [
            _column(day, values, names=series, left=CHART_LEFT + index * pitch, pitch=pitch, top=top)
            # The last day's label would stand over the edge.
            | {"label": f"{day.day} {day:%b}" if index % every == every // 2 else ""}
            for index, (day, values) in enumerate(rows)
        ],
    }


def scale_top(highest: int) -> int:
    """The end of a scale that holds ``highest``: an even number people count in, at least 4."""
    step = 1
    while True:
        for factor in (4, 6, 10, 20):
            if highest <= factor * step:
                return factor * step
        step *= 10


def _y(value: float, top: int) -> str:
    return f"{CHART_BASE - (CHART_BASE - CHART_TOP) * value / top:.1f}"


def _column(
    day: date, values: Sequence[int], *, names: Sequence[str], left: float, pitch: float, top: int
) -> dict[str, Any]:
    thick = pitch * 0.66 / max(1, len(values))
    start = left + (pitch - thick * len(values)) / 2
    return {
        "title": f"{day:%a} {day.day} {day:%b}: "
        + ", ".join(f"{value} {name.lower()}" for name, value in zip(names, values, strict=True)),
        "x": f"{left:.2f}",
        "width": f"{pitch:.2f}",
        "middle": f"{left + pitch / 2:.2f}",
        "bars": [
            {
                "series": number + 1,
                "x": f"{start + number * thick:.2f}",
                "width": f"{thick * 0.86:.2f}",
                "y": _y(value, top),
                "height": f"{CHART_BASE - float(_y(value, top)):.1f}",
            }
            for number, value in enumerate(values)
            if value
        ],
    }
