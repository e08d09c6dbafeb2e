"""Every address the server answers."""

from django.urls import include, path
from django.utils.module_loading import autodiscover_modules

from zalion import health
from zalion.portal import signin
from zalion.portal.site import portal

# Each app's admin module brings its pages; only the processes that serve addresses need them.
autodiscover_modules("admin", register_to=portal)

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("signin/", signin.how, name="signin"),
    path("signin/<str:secret>/", signin.redeem, name="signin-redeem"),
    path("signout/", signin.leave, name="signout"),
    path("switch/", signin.switch, name="switch"),
    path("api/v1/", include("zalion.api")),
    path("", portal.urls),
]
