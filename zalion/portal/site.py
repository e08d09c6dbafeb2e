"""The one AdminSite, its menu by job, and the read-only ModelAdmin that every page starts from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from zalion.tenancy import roles
from zalion.tenancy.models import User


@dataclass(frozen=True, slots=True)
class MenuItem:
    """An entry of the menu: shown to whom ``permission`` is granted; ``count`` says how many wait there."""

    key: str
    label: str
    url_name: str
    permission: str
    order: int
    count: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the overview: ``build`` returns the context of ``template``, or None to stay away."""

    key: str
    template: str
    permission: str
    order: int
    build: Callable[[HttpRequest], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Todo:
    """Something that needs a person, at the top of the overview; ``tone`` is warn or bad."""

    title: str
    detail: str
    url: str
    action: str
    tone: str = "warn"


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks for what needs a person: ``find`` is asked when the overview opens."""

    key: str
    permission: str
    order: int
    find: Callable[[], Sequence[Todo]]


@dataclass(frozen=True, slots=True)
class Section:
    """What a later stage adds to the page of an earlier one's row; ``build`` returns None to stay away."""

    page: str
    key: str
    template: str
    permission: str
    order: int
    build: Callable[[HttpRequest, Any], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Page:
    """One address of the portal: the view, the right it asks for, and the methods it answers.

    What a page changes, it changes on POST alone; a view makes one call into a flow function.
    """

    route: str
    view: Callable[..., HttpResponse]
    name: str
    permission: str
    methods: tuple[str, ...] = ("GET",)


def guarded(page: Page) -> Callable[..., HttpResponse]:
    """The page's view behind its right, refusals on record, and its methods."""
    allowed = {*page.methods, "HEAD"} if "GET" in page.methods else set(page.methods)

    @wraps(page.view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        roles.require(request.user, page.permission)
        if request.method not in allowed:
            return HttpResponseNotAllowed(sorted(allowed))
        return page.view(request, *args, **kwargs)

    return answer


class Portal(AdminSite):
    site_title = site_header = "Zalion"
    index_title = "Overview"
    index_template = "portal/overview.html"

    def __init__(self) -> None:
        super().__init__(name="portal")
        self._menu: dict[str, MenuItem] = {}
        self._panels: dict[str, Panel] = {}
        self._watches: dict[str, Watch] = {}
        self._sections: dict[str, Section] = {}

    def add_menu_item(self, item: MenuItem) -> None:
        self._menu[item.key] = item

    def add_panel(self, panel: Panel) -> None:
        self._panels[panel.key] = panel

    def add_watch(self, watch: Watch) -> None:
        self._watches[watch.key] = watch

    def add_section(self, section: Section) -> None:
        self._sections[section.key] = section

    def sections(self, page: str, request: HttpRequest, subject: Any) -> list[dict[str, Any]]:
        """The parts that other apps add to ``page``, which shows ``subject``."""
        allowed = roles.granted(request.user)
        return [
            {"key": section.key, "template": section.template, "context": built}
            for section in sorted(self._sections.values(), key=lambda s: s.order)
            if section.page == page
            and section.permission in allowed
            and (built := section.build(request, subject)) is not None
        ]

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """The overview and the pages of each PortalAdmin. Django's own admin pages have no address here."""
        urls: list[URLResolver | URLPattern] = [path("", self.admin_view(self.index), name="index")]
        urls += [path("", include(model_admin.urls)) for model_admin in self._registry.values()]
        return urls

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Any:  # type: ignore[override]
        @wraps(view)
        def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if self.has_permission(request):
                return view(request, *args, **kwargs)
            if request.user.is_authenticated:
                roles.access_refused.send(sender=None, permission="portal", reason="no_tenant")
                raise PermissionDenied("You have no role in any tenant.")
            return HttpResponseRedirect(reverse("signin"))

        return csrf_protect(inside if cacheable else never_cache(inside))

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return False
        return user.is_platform_operator or getattr(request, "tenant", None) is not None

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        allowed = roles.granted(request.user)
        menu = [
            {"key": i.key, "label": i.label, "url": reverse(i.url_name), "count": i.count() if i.count else 0}
            for i in sorted(self._menu.values(), key=lambda i: i.order)
            if i.permission in allowed
        ]
        return {
            "site_title": self.site_title,
            "site_header": self.site_header,
            "site_url": None,
            "has_permission": self.has_permission(request),
            "is_nav_sidebar_enabled": False,
            "is_popup": False,
            "menu": menu,
            "tenant": getattr(request, "tenant", None),
            "tenants": getattr(request, "tenants", None) or [],
            "allowed": allowed,
        }

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        allowed = roles.granted(request.user)
        panels = [
            {"key": panel.key, "template": panel.template, "context": built}
            for panel in sorted(self._panels.values(), key=lambda p: p.order)
            if panel.permission in allowed and (built := panel.build(request)) is not None
        ]
        todos = [
            todo
            for watch in sorted(self._watches.values(), key=lambda w: w.order)
            if watch.permission in allowed
            for todo in watch.find()
        ]
        context = {
            **self.each_context(request),
            "title": self.index_title,
            "current": "overview",
            "todos": todos,
            "panels": panels,
        }
        request.current_app = self.name
        return TemplateResponse(request, self.index_template, context | (extra_context or {}))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("signin"))


portal = Portal()
portal.add_menu_item(MenuItem("overview", "Overview", "portal:index", roles.VIEW_OVERVIEW, 10))


def render(
    request: HttpRequest, template: str, *, title: str, current: str, status: int = 200, **context: Any
) -> TemplateResponse:
    """One of our own pages inside the portal's frame; ``current`` is the key of its menu item."""
    request.current_app = portal.name
    frame = portal.each_context(request)
    return TemplateResponse(
        request, template, {**frame, "title": title, "current": current, **context}, status=status
    )


class PortalAdmin(ModelAdmin):  # type: ignore[type-arg]
    """A model's place in the portal: the pages it brings. Django's own lists and forms are not used.

    Rows are shown to whom ``view_permission`` is granted; what changes them goes through flow functions.
    """

    pages: ClassVar[Sequence[Page]] = ()
    view_permission = ""
    actions = None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path(page.route, view(guarded(page)), name=page.name) for page in self.pages]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return roles.allows(request.user, self.view_permission)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # Django's own admin log keeps names in clear; the trail is the record.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        return None
