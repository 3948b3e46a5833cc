"""Bluesky and the AT Protocol: search, live stream, looking posts up, publishing."""
