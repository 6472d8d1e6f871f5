"""What is around every page: header, moment, notices, and what all sessions share."""
