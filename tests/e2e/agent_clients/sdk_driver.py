"""Runs in the environment of the official SDK: makes the calls that come on stdin, one JSON object a line.

The first line says where to connect and how: {"endpoint", "client_id", "client_secret", "mode": "sync" | "async"}.
Each further line is a call {"method", "arguments": [...], "named": {...}}; an argument {"$model": NAME, ...} becomes an
object of the SDK's model of that name. The answer is a line {"value"} or {"error": <class>, "message"}.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import json
import sys
from typing import Any

MODULES = (
    "axonflow",
    "axonflow.types",
    "axonflow.decisions",
    "axonflow.policies",
    "axonflow.hitl",
    "axonflow.pep_handshake",
)


def built(value: Any) -> Any:
    if isinstance(value, list):
        return [built(item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {name: built(item) for name, item in value.items() if name != "$model"}
    return model(value["$model"])(**fields) if "$model" in value else fields


def model(name: str) -> Any:
    for module in MODULES:
        found = getattr(importlib.import_module(module), name, None)
        if found is not None:
            return found
    raise LookupError(name)


def plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def told(error: Exception) -> dict[str, str]:
    return {"error": type(error).__name__, "message": str(error)}


def answer(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply, default=str) + "\n")
    sys.stdout.flush()


def serve_sync(client: Any) -> None:
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer({"value": plain(getattr(client, call["method"])(*built(call["arguments"]), **built(call["named"])))})
        except Exception as error:  # noqa: BLE001 - the test is told
            answer(told(error))


async def serve_async(client: Any) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        call = json.loads(line)
        try:
            method = getattr(client, call["method"])
            answer({"value": plain(await method(*built(call["arguments"]), **built(call["named"])))})
        except Exception as error:  # noqa: BLE001 - the test is told
            answer(told(error))


async def run_async(where: dict[str, str]) -> None:
    async with importlib.import_module("axonflow").AxonFlow(**where) as client:
        await serve_async(client)


def main() -> None:
    where = json.loads(sys.stdin.readline())
    if where.pop("mode") == "async":
        asyncio.run(run_async(where))
    else:
        with importlib.import_module("axonflow").SyncAxonFlow(
            importlib.import_module("axonflow").AxonFlow(**where)
        ) as client:
            serve_sync(client)


main()
