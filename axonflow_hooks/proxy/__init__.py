"""The enforcement point of Claude Desktop: a stdio MCP server that fronts other MCP servers and governs every call."""
