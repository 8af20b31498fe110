"""Django settings, all of them from the environment (docs/configuration)."""

from __future__ import annotations

import os
from pathlib import Path

from antmedia_site.environment import (
    database,
    read_bool,
    read_int,
    read_list,
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
CPU_LIMIT = read_int("CPU_LIMIT", 85, 10, 100)
MIN_FREE_RAM_MB = read_int("MIN_FREE_RAM_MB", 10, 0, 1_000_000)

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
    "rest_framework",
    "channels",
    "antmedia_site",
    "streams",
    "signalling",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
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
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(TLS_CERT)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {"daphne": {"level": "WARNING"}},
}
