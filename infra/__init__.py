"""How Tapehouse is installed, run and asked: services, runners, jars, the command line."""
