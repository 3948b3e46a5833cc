"""Collecting: sources read into the store, and the networks asked again about what is stored."""

from shareasm.collect.asking import Asked, ask_about_ours, confirm, count_unconfirmed, time_to_confirm, verify
from shareasm.collect.conversations import read_conversations
from shareasm.collect.reading import Outcome, follow, forget_checkpoint, note_failure, read, sweep
from shareasm.collect.storing import STREAM_TAG, Desk, Tally, store

__all__ = [
    "STREAM_TAG",
    "Asked",
    "Desk",
    "Outcome",
    "Tally",
    "ask_about_ours",
    "confirm",
    "count_unconfirmed",
    "follow",
    "forget_checkpoint",
    "note_failure",
    "read",
    "read_conversations",
    "store",
    "sweep",
    "time_to_confirm",
    "verify",
]
