"""Kept readings: what the model made of a document, on disk, restored instead of read again."""

from dashdoc.readings.store import Entry, Kept, Readings

__all__ = ["Entry", "Kept", "Readings"]
