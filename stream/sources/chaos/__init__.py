"""A source that disturbs another on purpose, for tests of fault handling."""
