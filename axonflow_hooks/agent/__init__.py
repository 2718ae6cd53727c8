"""The embedded agent: a policy decision point on this machine that speaks the AxonFlow wire contract.

`server` starts it, `app` is its HTTP face, `mcp` its MCP server, `verdicts` turns what the policy engine found into
decisions, `store` keeps them. The agent knows no enforcement point: they meet in `axonflow_hooks.wire` only.
"""
