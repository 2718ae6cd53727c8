"""Runs in the environment of the official MCP client, 1.x or 2.x: starts a server and makes the calls of stdin.

stdin holds {"command", "args", "env", "calls": [[NAME, ARGUMENTS], …], "servers": [ID, …]}: the calls are made once
there are tools of each of the servers. stdout gets {"version": <protocol>, "tools": [NAME, …], "results": [{"texts",
"structured", "failed", "progress"} or {"code", "message", "data"}]}.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from importlib.metadata import version
from typing import Any


async def ask(client: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    steps: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        steps.append(done)

    try:
        result = await client.call_tool(name, arguments, progress_callback=progress)
    except Exception as failure:  # the error's class has another name in each release
        error = getattr(failure, "error", None)
        if error is None:
            raise
        return {"code": error.code, "message": error.message, "data": error.data}
    told = result.model_dump(mode="json", by_alias=True)
    return {
        "texts": [block.get("text", block["type"]) for block in told["content"]],
        "structured": told.get("structuredContent"),
        "failed": bool(told.get("isError")),
        "progress": steps,
    }


async def listed(client: Any, servers: list[str]) -> list[str]:
    while True:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        if set(servers) <= {name.partition("__")[0] for name in tools}:
            return tools


async def modern(given: dict[str, Any]) -> dict[str, Any]:
    library = importlib.import_module("mcp")
    where = library.StdioServerParameters(command=given["command"], args=given["args"], env=given["env"])
    async with library.Client(where) as client:
        tools = await listed(client, given["servers"])
        results = [await ask(client, name, arguments) for name, arguments in given["calls"]]
        return {"version": client.protocol_version, "tools": tools, "results": results}


async def classic(given: dict[str, Any]) -> dict[str, Any]:
    library = importlib.import_module("mcp")
    connect = importlib.import_module("mcp.client.stdio").stdio_client
    where = library.StdioServerParameters(command=given["command"], args=given["args"], env=given["env"])
    async with connect(where) as (reading, writing), library.ClientSession(reading, writing) as session:
        greeting = await session.initialize()
        tools = await listed(session, given["servers"])
        results = [await ask(session, name, arguments) for name, arguments in given["calls"]]
        return {"version": greeting.protocolVersion, "tools": tools, "results": results}


def main() -> None:
    given = json.loads(sys.stdin.read())
    run = classic if version("mcp").startswith("1.") else modern
    json.dump(asyncio.run(run(given)), sys.stdout)


main()
