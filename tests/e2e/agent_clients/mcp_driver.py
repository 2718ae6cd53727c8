"""Runs in the environment of the official MCP client, 1.x or 2.x: lists the tools and makes the calls of stdin.

stdin holds {"url", "client_id", "client_secret", "calls": [[NAME, ARGUMENTS], …]}; stdout gets {"version": <protocol>,
"tools": [{"name", "schema"}], "results": [{"text", "failed"}]}.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from importlib.metadata import version
from typing import Any


async def modern(given: dict[str, Any]) -> dict[str, Any]:
    http_library = importlib.import_module("httpx2")
    transport = importlib.import_module("mcp.client.streamable_http").streamable_http_client
    client_type = importlib.import_module("mcp").Client
    async with (
        http_library.AsyncClient(auth=(given["client_id"], given["client_secret"]), timeout=120) as http,
        client_type(transport(given["url"], http_client=http)) as client,
    ):
        listed = (await client.list_tools()).tools
        results = [await client.call_tool(name, arguments) for name, arguments in given["calls"]]
        return {
            "version": client.protocol_version,
            "tools": [{"name": tool.name, "schema": tool.input_schema} for tool in listed],
            "results": [{"text": result.content[0].text, "failed": result.is_error} for result in results],
        }


async def classic(given: dict[str, Any]) -> dict[str, Any]:
    auth = importlib.import_module("httpx").BasicAuth(given["client_id"], given["client_secret"])
    transport = importlib.import_module("mcp.client.streamable_http").streamablehttp_client
    session_type = importlib.import_module("mcp").ClientSession
    async with transport(given["url"], auth=auth) as (reading, writing, _), session_type(reading, writing) as session:
        greeting = await session.initialize()
        listed = (await session.list_tools()).tools
        results = [await session.call_tool(name, arguments) for name, arguments in given["calls"]]
        return {
            "version": greeting.protocolVersion,
            "tools": [{"name": tool.name, "schema": tool.inputSchema} for tool in listed],
            "results": [{"text": result.content[0].text, "failed": result.isError} for result in results],
        }


def main() -> None:
    given = json.loads(sys.stdin.read())
    run = classic if version("mcp").startswith("1.") else modern
    json.dump(asyncio.run(run(given)), sys.stdout)


main()
