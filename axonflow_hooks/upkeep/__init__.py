"""Upkeep: what has to happen now and then, never in a tool call's way, and never with tool data."""
