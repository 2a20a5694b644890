"""Signing in by passkey, the alarm test, the lock, enrolment."""
