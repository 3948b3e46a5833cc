"""The rules of a digital day: pure functions over frozen records. No clock, no database, no network, no template."""
