"""Networks: one folder each, with the same two rooms: `client` calls and maps errors, `translate` is pure. They never know each other."""
