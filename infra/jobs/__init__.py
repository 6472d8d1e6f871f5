"""The stack's one-shot jobs: each makes what is absent, ends with 0, and may be run again."""
