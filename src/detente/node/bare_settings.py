"""Settings for tools that look at the models without a node: types, `django-admin makemigrations`."""

from detente.node.django_setup import base_settings

globals().update(base_settings())
