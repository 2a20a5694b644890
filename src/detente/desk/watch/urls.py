"""Addresses of the watch page."""

from django.urls import path

from detente.desk.watch import views

ENTRY = "<str:case_id>"

urlpatterns = [
    path("", views.board, name="board"),
    path("lines/", views.lines, name="lines"),
    path("cases/", views.cases, name="cases"),
    path(f"cases/{ENTRY}/", views.case, name="case"),
    path(f"cases/{ENTRY}/act/", views.act, name="act"),
    path("stop/", views.stop, name="stop"),
    path("stop/place/", views.read_back, name="read-back"),
    path("stop/send/", views.send, name="stop-send"),
]
