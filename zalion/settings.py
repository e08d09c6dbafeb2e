"""Every setting, read once from the environment; docs/settings.md lists them."""

import ipaddress
import secrets
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
# An optional file of NAME=value lines, so that web, worker and command line share one configuration.
if env.str("ZALION_ENV_FILE", default=""):
    env.read_env(env.str("ZALION_ENV_FILE"))

DATA_DIR = Path(env.str("ZALION_DATA_DIR", default=str(BASE_DIR / "var")))
DEBUG = env.bool("ZALION_DEBUG", default=False)
# A process without a configured key gets one of its own: nothing signed survives it, and the system check
# zalion.E001 stops everything that serves or works from starting that way.
SECRET_KEY_CONFIGURED = bool(env.str("ZALION_SECRET_KEY", default=""))
SECRET_KEY = env.str("ZALION_SECRET_KEY", default="") or secrets.token_urlsafe(50)
ALLOWED_HOSTS = env.list("ZALION_ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
BASE_URL = env.str("ZALION_BASE_URL", default="https://localhost")
# Plain HTTP is for the loopback demo alone; everything else redirects to TLS and marks its cookies Secure.
PLAIN_HTTP = env.bool("ZALION_PLAIN_HTTP", default=False)

# The vault
MASTER_KEYS = env.str("ZALION_MASTER_KEYS", default="")
SECRETS_DIR = Path(env.str("ZALION_SECRETS_DIR", default=str(DATA_DIR / "secrets")))
# The trail: where signed checkpoints go. Only configuration can set it, never the portal.
CHECKPOINT_FILE = Path(env.str("ZALION_CHECKPOINT_FILE", default=str(DATA_DIR / "checkpoints.jsonl")))
# Mail servers inside these networks may be connected to; loopback and private addresses are refused otherwise.
ALLOWED_NETWORKS = tuple(
    ipaddress.ip_network(item) for item in env.list("ZALION_ALLOWED_NETWORKS", default=[])
)
# Whether DKIM signatures are checked against keys from DNS: a look-up lets a sender know that mail was read.
DKIM_DNS = env.bool("ZALION_DKIM_DNS", default=False)
# Name servers for that as ADDRESS or ADDRESS:PORT; the system's own where there are none.
DNS_SERVERS = tuple(
    (address.strip("[]"), int(port or 53))
    for address, _, port in (
        item.partition(":") if item.count(":") == 1 else (item, "", "")
        for item in env.list("ZALION_DNS_SERVERS", default=[])
    )
)

# A virus scanner (clamd) that every mail has to pass before anything of it is read or shown: HOST:PORT, or the path of
# its socket.
CLAMD = env.str("ZALION_CLAMD", default="")

# A language model that may be shown the text of documents which the extractors left open. Only here can it be switched
# on, never in the portal: an OpenAI-compatible endpoint, and the tenants that agreed.
MODEL_URL = env.str("ZALION_MODEL_URL", default="")
MODEL_NAME = env.str("ZALION_MODEL_NAME", default="")
MODEL_SECRET = env.str("ZALION_MODEL_SECRET", default="")
MODEL_TENANTS = frozenset(env.list("ZALION_MODEL_TENANTS", default=[]))
# PEM certificates of its authority where that is none of the system's.
MODEL_CA = env.str("ZALION_MODEL_CA", default="")

# The share of the data folder's file system that mail is not to fill: below it no new mail is fetched.
DISK_RESERVE = env.float("ZALION_DISK_RESERVE", default=5) / 100

INSTALLED_APPS = [
    "zalion.apps.PortalConfig",
    "zalion.tenancy.apps.TenancyConfig",
    "zalion.vault.apps.VaultConfig",
    "audit.apps.AuditConfig",
    "connectors.apps.ConnectorsConfig",
    "extraction.apps.ExtractionConfig",
    "auditlog",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",  # first, so that redirects, refusals and static files carry it too
    "zalion.tenancy.middleware.EncryptedApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "zalion.tenancy.middleware.WorkContextMiddleware",
]
ROOT_URLCONF = "zalion.urls"
WSGI_APPLICATION = "zalion.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"portal": "zalion.portal.tags"},
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"auditlog": None}  # audit.AuditEvent stands in for its table

# Database: one file by default, PostgreSQL by DATABASE_URL
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        # Deleted rows are overwritten; delete triggers also fire for REPLACE, which keeps the trail append-only.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; "
            "PRAGMA recursive_triggers=ON;"
        ),
    }
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# What is uploaded is sealed on its way to the disk; the limit lies a little above the largest mail taken in.
FILE_UPLOAD_HANDLERS = ["zalion.vault.uploads.SealedUploadHandler"]
UPLOAD_BYTES = 151 << 20
# The review page posts 14 cells for each line of a document.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "blobs": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "blobs", "file_permissions_mode": 0o600},
    },
}

# Counters of requests and refusals, each web process its own; nothing else is cached.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

# People
AUTH_USER_MODEL = "tenancy.User"
AUTHENTICATION_BACKENDS = ["zalion.tenancy.roles.RoleBackend"]
LOGIN_URL = "signin"
SESSION_ENGINE = "zalion.tenancy.sessions"
SESSION_COOKIE_AGE = 30 * 60  # idle, seconds
SESSION_ABSOLUTE_AGE = 12 * 3600  # seconds
SESSION_EXPIRE_AT_BROWSER_CLOSE = True  # the idle limit is kept by the server, see sessions.touch
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not PLAIN_HTTP
SESSION_COOKIE_NAME = "zalion_session" if PLAIN_HTTP else "__Host-zalion_session"
CSRF_COOKIE_NAME = "zalion_csrf" if PLAIN_HTTP else "__Host-zalion_csrf"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# The browser
SECURE_SSL_REDIRECT = not PLAIN_HTTP
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # a probe inside the network has no certificate to check
SECURE_HSTS_SECONDS = 0 if PLAIN_HTTP else 365 * 86400
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not PLAIN_HTTP
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("ZALION_BEHIND_PROXY", default=False) else None
)
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "frame-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# The trail is django-auditlog's entry, made ours
AUDITLOG_LOGENTRY_MODEL = "audit.AuditEvent"
AUDITLOG_DISABLE_REMOTE_ADDR = True  # the work context knows the address
AUDITLOG_USE_BASE_MANAGER = True
SILENCED_SYSTEM_CHECKS: list[str] = []

# Background work
BROKER = env.str("ZALION_BROKER", default="orm")
Q_CLUSTER = {
    "name": "zalion",
    "workers": env.int("ZALION_WORKERS", default=2),
    "timeout": 600,  # seconds; the longest step of any task is far shorter
    "retry": 900,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": -1,  # results are not kept
    "poll": 0.5,
    "bulk": 1,
    "queue_limit": 1,  # taken ahead of a free worker: its `retry` runs while it waits
    "label": "Background work",
    "log_level": "WARNING",
    "broker_class": "zalion.tasks.RedisBroker" if BROKER == "redis" else "zalion.tasks.OrmBroker",
}
if BROKER == "redis":
    Q_CLUSTER["redis"] = env.str("REDIS_URL")
else:
    Q_CLUSTER["orm"] = "default"
# Connections that one listener keeps open to be told of new mail; with none, mail is polled alone.
LISTENERS = env.int("ZALION_LISTENERS", default=100)
LONGEST_STEP = 300  # seconds: no single task step may take longer

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "zalion.rest.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["zalion.rest.ScopePermission"],
    "DEFAULT_PAGINATION_CLASS": "zalion.rest.Pagination",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["zalion.rest.BoundedJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "zalion.openapi.Description",
    "EXCEPTION_HANDLER": "zalion.rest.problem",
    "DEFAULT_THROTTLE_CLASSES": ["zalion.rest.TokenRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"token": env.str("ZALION_API_RATE", default="600/min")},
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Zalion",
    "DESCRIPTION": "Reviewed order documents and the mail they came in.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "DocumentState": "extraction.models.DocumentState",
        "MailboxState": "connectors.models.MailboxState",
        "MessageState": "connectors.models.MessageState",
    },
}

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("ZALION_TIME_ZONE", default="UTC")
LOGGING_CONFIG = "zalion.logs.configure"
LOGGING = {"level": env.str("ZALION_LOG_LEVEL", default="INFO")}
