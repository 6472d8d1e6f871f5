"""From the feed to Kafka: protocol, connection, simulator, recordings, producer."""
