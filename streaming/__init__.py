"""Kafka to Iceberg with Spark: the job, its checkpoint's guard, care of the tables, the keeper."""
