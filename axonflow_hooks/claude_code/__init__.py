"""All that knows Claude Code: events in, replies out, tool input → statement, tool output ⇄ text leaves."""
