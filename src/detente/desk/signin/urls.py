"""Addresses of sign-in, alarm test, lock and enrolment."""

from django.urls import path

from detente.desk.signin import views

urlpatterns = [
    path("signin/", views.sign_in, name="signin"),
    path("signin/challenge/", views.challenge, name="challenge"),
    path("signin/assertion/", views.assertion, name="assertion"),
    path("alarm/", views.alarm, name="alarm"),
    path("locked/", views.locked, name="locked"),
    path("lock/", views.lock, name="lock"),
    path("signout/", views.sign_out, name="signout"),
    path("preferences/", views.preferences, name="preferences"),
    path("enrol/credential/", views.enrolment_credential, name="enrol-credential"),
    path("enrol/<slug:code>/", views.enrolment, name="enrol"),
    path("enrol/<slug:code>/options/", views.enrolment_options, name="enrol-options"),
]
