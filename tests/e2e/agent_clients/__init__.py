"""The embedded agent and the clients that are not ours: the official SDK, MCP clients, and a fuzzer of its OpenAPI."""
