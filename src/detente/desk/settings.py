"""Django's settings of the desk, made from its folder; the only place that names them.

The content security policy allows our own files and nothing else: no inline script or style, no other
host, no frame. `connect-src 'self'` is what the htmx requests and the event stream need.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from csp.constants import NONE, SELF

from detente.desk.config import DeskConfig

HERE: Final = Path(__file__).resolve().parent
WEB_SESSION_S: Final = 16 * 3600  # longer than a watch; the watch session ends it earlier

POLICY: Final[dict[str, list[str]]] = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "font-src": [SELF],
    "img-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
MIDDLEWARE: Final = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "detente.desk.middleware.viewer",
    "detente.desk.middleware.errors",
]


def settings(config: DeskConfig) -> dict[str, Any]:
    """Every setting of this desk."""
    return {
        "DEBUG": False,
        "SECRET_KEY": config.secret,
        "ALLOWED_HOSTS": [config.host_name],
        "CSRF_TRUSTED_ORIGINS": [config.origin],
        "ROOT_URLCONF": "detente.desk.urls",
        "INSTALLED_APPS": [
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "csp",
            "django_htmx",
            "detente.desk",
        ],
        "MIDDLEWARE": MIDDLEWARE,
        "TEMPLATES": [_templates()],
        "CONTENT_SECURITY_POLICY": {"DIRECTIVES": POLICY},
        **_sessions(config),
        **_words(config),
        **_files(),
    }


def _templates() -> dict[str, Any]:
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "detente.desk.frame.frame"],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "detente.desk.templatetags.marks",
            ],
        },
    }


def _sessions(config: DeskConfig) -> dict[str, Any]:
    return {
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(config.folder / "desk.sqlite3"),
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 5,
                    "init_command": "PRAGMA journal_mode=WAL",
                },
            }
        },
        "SESSION_COOKIE_NAME": "desk",
        "SESSION_COOKIE_AGE": WEB_SESSION_S,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "SESSION_COOKIE_SECURE": config.https,
        "SESSION_EXPIRE_AT_BROWSER_CLOSE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Strict",
        "CSRF_COOKIE_SECURE": config.https,
        "CSRF_FAILURE_VIEW": "detente.desk.frame.csrf_failure",
        "SECURE_REFERRER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    }


def _words(config: DeskConfig) -> dict[str, Any]:
    return {
        "USE_I18N": True,
        "LANGUAGE_CODE": config.language,
        "LANGUAGES": [("ar", "العربية"), ("he", "עברית"), ("en", "English")],
        "LOCALE_PATHS": [HERE / "locale"],
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "USE_THOUSAND_SEPARATOR": False,
    }


def _files() -> dict[str, Any]:
    return {
        "STATIC_URL": "/static/",
        "STATICFILES_FINDERS": ["django.contrib.staticfiles.finders.AppDirectoriesFinder"],
        # Files are read once at start: nothing is collected, nothing watched.
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_MAX_AGE": 3600,
    }
