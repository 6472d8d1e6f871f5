"""How Tapehouse is installed, run and asked: services, their runners, jars, and the command line."""
