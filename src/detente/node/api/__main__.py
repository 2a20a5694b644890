"""`python -m detente.node.api`: print the reference page, docs/reference/local-api.md."""

from __future__ import annotations

import sys


def main() -> None:
    """The routes name the tables, so Django is set up first, without a node."""
    import django
    from django.conf import settings

    from detente.node.django_setup import base_settings

    settings.configure(**base_settings())
    django.setup()
    from detente.node.api.openapi import page

    sys.stdout.write(page())


if __name__ == "__main__":
    main()
