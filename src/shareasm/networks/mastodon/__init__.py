"""Servers that speak Mastodon's API: reading a tag, checking posts again, publishing."""
