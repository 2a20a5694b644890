"""Formatting of marks in templates; no rules."""
