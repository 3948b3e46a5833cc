"""Publishing: the queue brought in line with the plan, and what is due sent, each post once."""

from shareasm.publish.planning import bring_in_line, publish_key, sent_before
from shareasm.publish.press import Press, Result
from shareasm.publish.sending import publish_due

__all__ = ["Press", "Result", "bring_in_line", "publish_due", "publish_key", "sent_before"]
