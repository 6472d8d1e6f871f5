"""Kafka to Iceberg with Spark: the streaming job, its checkpoint's guard, care of the tables, the keeper."""
