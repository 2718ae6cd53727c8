"""The agent as a service: the record of the one that runs, start and stop, unit files."""
