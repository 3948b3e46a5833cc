"""The one store: SQLite embedded, PostgreSQL when it outgrows one machine. Tables, and queries as functions on a connection."""
