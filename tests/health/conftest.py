"""Servers are looked at without hurry."""

from support.unhurried import unhurried  # noqa: F401 - a fixture
