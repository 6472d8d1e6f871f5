"""The contract: one trade, its tables, topics, conditions, settings and errors."""
