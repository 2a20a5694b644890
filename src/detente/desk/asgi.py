"""The desk's ASGI application: the event stream in front, Django for every page."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import django
from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command

from detente.desk.here import Here, settle
from detente.desk.settings import settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def make_application(here: Here) -> Application:
    """Configure Django for this process (once) and give the application."""
    settle(here)
    # Static files are read by threads in small pieces; the advice is for long streams, and ours are raw ASGI.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")
    django_settings.configure(**settings(here.config))
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from detente.desk.events import EventStream
    from detente.desk.feed import Feed

    pages: Any = get_asgi_application()
    stream = EventStream(Feed(here.connect()), host=here.config.host_name)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        # Raw ASGI: Django's own streaming holds one thread for every open page.
        if scope["type"] == "http" and scope["path"] == "/events":
            await stream(scope, receive, send)
        elif scope["type"] == "http":
            await pages(scope, receive, send)

    return application
