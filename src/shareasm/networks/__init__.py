"""Networks, a folder each with the same two rooms: `client` calls, `translate` is pure. They never know each other."""
