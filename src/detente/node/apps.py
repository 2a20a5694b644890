"""The node as a Django application: tables only, no views."""

from django.apps import AppConfig


class NodeConfig(AppConfig):
    """Label `node`: table names begin with `node_`."""

    name = "detente.node"
    label = "node"
    default_auto_field = "django.db.models.BigAutoField"
