"""Rendering: a Recap becomes files. The only place that knows the pages' templates and the words that are ours on them."""

from shareasm.render.pages import look, render_page
from shareasm.render.writing import Written, is_of_a_recap, write_recap

__all__ = ["Written", "is_of_a_recap", "look", "render_page", "write_recap"]
