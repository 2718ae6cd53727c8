"""The proxy between servers and clients of other makers, with the real agent, and the packed extensions."""
