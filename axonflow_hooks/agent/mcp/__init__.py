"""The agent's MCP server: JSON-RPC 2.0 over HTTP, one JSON object per response (wire 1.3).

`endpoint` is the HTTP layer, `protocol` the methods, `sessions` what is kept between calls, `registry` the list of
tools; the tools themselves are in `checks`, `audit` and `decisions`, their schemas in `schemas`.
"""
