"""Detente: one record for two neighbouring states and a guarantor."""

__version__ = "0.1.0"
