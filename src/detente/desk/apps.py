"""The desk as a Django app, for its templates, static files and words; it has no tables of its own."""

from django.apps import AppConfig


class DeskApp(AppConfig):
    name = "detente.desk"
    label = "desk"
