"""Publishing: the queue brought in line with the plan, what is due soon prepared, and what is due sent, each post once."""

from shareasm.publish.outlook import Outlook, after_resume
from shareasm.publish.planning import bring_in_line, publish_key, sent_before
from shareasm.publish.preparing import next_preparation, prepare_next
from shareasm.publish.press import Press, Result
from shareasm.publish.sending import miss_late, publish_due

__all__ = [
    "Outlook",
    "Press",
    "Result",
    "after_resume",
    "bring_in_line",
    "miss_late",
    "next_preparation",
    "prepare_next",
    "publish_due",
    "publish_key",
    "sent_before",
]
