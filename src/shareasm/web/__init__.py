"""The web pages: the recap when there is one, what has come in so far before that, and `/healthz`."""
