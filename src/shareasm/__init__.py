"""shareasm runs a digital day: a plan goes out, the answers come in, a recap tells the day."""

__version__ = "0.1.0"
