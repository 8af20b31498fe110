"""Django settings, all of them from the environment (docs/configuration)."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from antmedia_site.environment import (
    database,
    read_bool,
    read_int,
    read_list,
    read_networks,
    read_text,
)
from antmedia_site.secret import load_or_create_secret

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(read_text("DATA_DIR", str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

HTTP_PORT = read_int("HTTP_PORT", 5080, 1, 65535)
HTTPS_PORT = read_int("HTTPS_PORT", 5443, 1, 65535)
LEGACY_PORT = read_int("LEGACY_PORT", 8081, 1, 65535)
MEDIA_PORT = read_int("MEDIA_PORT", 50000, 1, 65535)
RELAYS = read_int("RELAYS", 1, 1, 64)
PUBLIC_IP = read_list("PUBLIC_IP", [])
BIND = read_text("BIND", "0.0.0.0")  # noqa: S104  a server for other machines
TLS_CERT = read_text("TLS_CERT")
TLS_KEY = read_text("TLS_KEY")
if bool(TLS_CERT) != bool(TLS_KEY):
    raise ImproperlyConfigured("TLS_CERT and TLS_KEY go together")
TLS_PROXY = read_bool("TLS_PROXY", default=False)
TRUSTED_PROXIES = read_int("TRUSTED_PROXIES", 0, 0, 16)
CPU_LIMIT = read_int("CPU_LIMIT", 85, 10, 100)
MIN_FREE_RAM_MB = read_int("MIN_FREE_RAM_MB", 10, 0, 1_000_000)
# Who wants nobody refused for the machine's CPU wants it for a relay's neither.
RELAY_CPU_LIMIT = read_int("RELAY_CPU_LIMIT", 90 if CPU_LIMIT < 100 else 100, 10, 100)
RELAY_LAG_LIMIT_MS = read_int(
    "RELAY_LAG_LIMIT_MS", 300 if CPU_LIMIT < 100 else 10_000, 10, 10_000
)
RELAY_MAX_PEERS = read_int("RELAY_MAX_PEERS", 4000, 1, 4000)
METRICS_ALLOWED = read_networks("METRICS_ALLOWED", ["127.0.0.0/8", "::1"])
PUSH_SENDER = read_text("PUSH_SENDER")  # dotted path (docs/push.md)

SECRET_KEY = read_text("SECRET_KEY") or load_or_create_secret(DATA_DIR / "secret_key")
DEBUG = read_bool("DEBUG", default=False)
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS", ["*"])
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "antmedia_site.logins.LoginsConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "antmedia_site",
    "streams",
    "signalling",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "antmedia_site.content_policy.content_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "antmedia_site.urls"
ASGI_APPLICATION = "antmedia_site.asgi.application"
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
            ]
        },
    }
]

DATABASES = {
    "default": database(read_text("DATABASE_URL"), str(DATA_DIR / "db.sqlite3"))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# One machine: relays are child processes and events stay in this process. The
# capacity bounds what a socket may have waiting; a full one loses the event.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        "CONFIG": {"capacity": 100, "expiry": 60},
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
# The order matters: a locked login is refused before its password is looked at.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Failures of one name from one address, and of one address over all names.
AXES_FAILURE_LIMIT = read_int("LOGIN_FAILURES", 5, 1, 1000)
LOGIN_FAILURES_PER_ADDRESS = read_int("LOGIN_FAILURES_PER_ADDRESS", 50, 1, 10_000)
LOGIN_LOCK_MINUTES = read_int("LOGIN_LOCK_MINUTES", 15, 1, 1440)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=LOGIN_LOCK_MINUTES)
AXES_RESET_ON_SUCCESS = True
# Trying on does not lengthen the lock, so nobody is kept out for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_HANDLER = "antmedia_site.login.LoginAttempts"
AXES_CLIENT_IP_CALLABLE = "antmedia_site.login.client_of"
AXES_LOCKOUT_CALLABLE = "antmedia_site.login.refuse"
AXES_VERBOSE = False
# Not in logs: some people type their password into the field of the name.
AXES_SENSITIVE_PARAMETERS = ["username", "csrfmiddlewaretoken", "next"]
# What a view does not say itself; those of the REST interface say it all
# (streams/rest/base.py).
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"caller": "6000/min", "failure": "20/min"},
    "EXCEPTION_HANDLER": "streams.rest.errors.handle_exception",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Streams",
    "DESCRIPTION": "Who may publish and play: streams, rooms, tokens, subscribers "
    "and the application's settings. Compatible with Ant Media's REST v2.",
    "VERSION": "2",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
# The files are served from where they lie: no collectstatic step before a start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # page addresses may carry a one-time token
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = 12 * 3600  # a working day, from the login on
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS_PROXY or bool(TLS_CERT)
if TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Own TLS has plain HTTP beside it, on a port that browsers would never use again
# once they were told to: redirect and HSTS are for the shape with a proxy.
SECURE_SSL_REDIRECT = TLS_PROXY
_MONTH_S = 30 * 24 * 3600
SECURE_HSTS_SECONDS = read_int("HSTS_SECONDS", _MONTH_S * TLS_PROXY, 0, 10**9)
# HSTS for other names of the domain (W005, W021) is their owner's decision.
SECURE_HSTS_INCLUDE_SUBDOMAINS = read_bool("HSTS_SUBDOMAINS", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "filters": {"one_line": {"()": "antmedia_site.logs.OneLine"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "django.security.DisallowedHost": {"filters": ["one_line"]},
        # They log addresses of webhooks, which may hold a password or a key.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
