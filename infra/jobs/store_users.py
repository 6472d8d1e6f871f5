"""The store's users, each with a secret key of its own."""

ROOT = "tapehouse-root"
"""Used by the set-up job alone."""
CATALOG = "tapehouse-catalog"
WRITER = "tapehouse-writer"
READER = "tapehouse-reader"
