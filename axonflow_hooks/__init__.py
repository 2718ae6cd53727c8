"""AxonFlow governance for AI coding agents: Claude Code plugin, governance proxy and embedded policy agent."""

__version__ = "2.0.0"
