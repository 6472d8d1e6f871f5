"""Kafka's users in a stack. Brokers and admin may do everything, the others what they need."""

BROKER, ADMIN = "broker", "admin"
PRODUCER, STREAM, CONSOLE = "producer", "stream", "console"
