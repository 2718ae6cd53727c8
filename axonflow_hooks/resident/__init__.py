"""The resident: the policy enforcement point of Claude Code as one warm process per user."""
