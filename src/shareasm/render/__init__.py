"""Rendering: a Recap becomes files. The only place that knows the pages' templates and the words that are ours on them."""

from shareasm.render.pages import look, render_page
from shareasm.render.writing import Written, write_recap

__all__ = ["Written", "look", "render_page", "write_recap"]
