"""An MCP server with everything that the conformance suite looks for, on stdio, with the standard library alone."""

from __future__ import annotations

import itertools
import json
import queue
import sys
import threading
import time
from typing import Any

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
PAUSE_S = 0.3
"""So long that on a busy machine, too, what was said before comes before what is said next."""
OBJECT: dict[str, Any] = {"type": "object", "properties": {}}
SCHEMA_2020 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "additionalProperties": False,
}
DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
CHOICES = ["option1", "option2", "option3"]
TITLED = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)]
ENUMS = {
    "untitledSingle": {"type": "string", "enum": CHOICES},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {
        "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": CHOICES}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}  # fmt: skip
PERSON = {"username": {"type": "string"}, "email": {"type": "string"}}

_out = threading.Lock()
_ids = itertools.count(1)
_answers: dict[int, queue.Queue[dict[str, Any]]] = {}


def send(message: dict[str, Any]) -> None:
    with _out:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Ask the client and give its result."""
    number = next(_ids)
    _answers[number] = queue.Queue()
    send({"id": number, "method": method, "params": params})
    answer = _answers[number].get(timeout=120)
    result: dict[str, Any] = answer.get("result", {})
    return result


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def image() -> dict[str, Any]:
    return {"type": "image", "data": PNG, "mimeType": "image/png"}


def resource(uri: str, kind: str, value: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": value}}


def elicited(message: str, properties: dict[str, Any]) -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": properties, "required": []}
    answer = ask("elicitation/create", {"message": message, "requestedSchema": schema})
    told = json.dumps(answer.get("content", {}))
    return [text(f"Elicitation completed: action={answer.get('action')}, content={told}")]


def sampled(prompt: str) -> list[dict[str, Any]]:
    content = {"type": "text", "text": prompt}
    answer = ask("sampling/createMessage", {"messages": [{"role": "user", "content": content}], "maxTokens": 100})
    return [text(f"LLM response: {answer.get('content', {}).get('text', '')}")]


def logged() -> list[dict[str, Any]]:
    for what in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        send({"method": "notifications/message", "params": {"level": "info", "logger": "fixture", "data": what}})
        time.sleep(PAUSE_S)
    return [text("It has logged.")]


def stepped(token: Any) -> list[dict[str, Any]]:
    for step in (0, 50, 100):
        if token is not None:
            params = {"progressToken": token, "progress": step, "total": 100}
            send({"method": "notifications/progress", "params": params})
        time.sleep(PAUSE_S)
    return [text("It has gone on.")]


def call(name: str, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Give the result of a tool."""
    mixed = resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    embedded = resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    tools: dict[str, Any] = {
        "test_simple_text": lambda: [text("This is a simple text response for testing.")],
        "test_image_content": lambda: [image()],
        "test_audio_content": lambda: [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}],
        "test_embedded_resource": lambda: [embedded],
        "test_multiple_content_types": lambda: [text("Multiple content types test:"), image(), mixed],
        "test_tool_with_logging": logged,
        "test_tool_with_progress": lambda: stepped(token),
        "test_sampling": lambda: sampled(given.get("prompt", "")),
        "test_elicitation": lambda: elicited(given.get("message", ""), PERSON),
        "test_elicitation_sep1034_defaults": lambda: elicited("Please look it over.", DEFAULTS),
        "test_elicitation_sep1330_enums": lambda: elicited("Please choose.", ENUMS),
        "json_schema_2020_12_tool": lambda: [text("fine")],
    }
    if name == "test_error_handling":
        return {"content": [text("This tool intentionally returns an error for testing")], "isError": True}
    return {"content": tools[name]()}


TOOLS = [
    {"name": name, "description": name.replace("_", " "), "inputSchema": OBJECT}
    for name in (
        "test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource",
        "test_multiple_content_types", "test_tool_with_logging", "test_tool_with_progress", "test_error_handling",
        "test_sampling", "test_elicitation", "test_elicitation_sep1034_defaults", "test_elicitation_sep1330_enums",
    )
]  # fmt: skip
TOOLS.append({"name": "json_schema_2020_12_tool", "description": "Has a schema.", "inputSchema": SCHEMA_2020})
RESOURCES = [
    {"uri": "test://static-text", "name": "Static text", "mimeType": "text/plain"},
    {"uri": "test://static-binary", "name": "Static binary", "mimeType": "image/png"},
    {"uri": "test://watched-resource", "name": "Watched", "mimeType": "text/plain"},
]
TEMPLATES = [{"uriTemplate": "test://template/{id}/data", "name": "Template", "mimeType": "application/json"}]


def read(uri: str) -> dict[str, Any]:
    if uri == "test://static-binary":
        return {"contents": [{"uri": uri, "mimeType": "image/png", "blob": PNG}]}
    if uri.startswith("test://template/"):
        number = uri.split("/")[3]
        data = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        return {"contents": [{"uri": uri, "mimeType": "application/json", "text": data}]}
    return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": "This is the content of the resource."}]}


def prompts() -> list[dict[str, Any]]:
    words = [{"name": name, "description": name, "required": True} for name in ("arg1", "arg2")]
    uri = [{"name": "resourceUri", "description": "what to embed", "required": True}]
    return [
        {"name": "test_simple_prompt", "description": "Simple."},
        {"name": "test_prompt_with_arguments", "description": "With arguments.", "arguments": words},
        {"name": "test_prompt_with_embedded_resource", "description": "Embeds.", "arguments": uri},
        {"name": "test_prompt_with_image", "description": "Shows."},
    ]


def prompt(name: str, given: dict[str, Any]) -> dict[str, Any]:
    embedded = resource(given.get("resourceUri", ""), "text/plain", "Embedded resource content for testing.")
    contents = {
        "test_simple_prompt": [text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [
            text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
        ],
        "test_prompt_with_embedded_resource": [embedded, text("Please process the embedded resource above.")],
        "test_prompt_with_image": [image(), text("Please analyze the image above.")],
    }
    return {"messages": [{"role": "user", "content": content} for content in contents[name]]}


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        capabilities = {
            "tools": {}, "resources": {"subscribe": True}, "prompts": {}, "logging": {}, "completions": {},
        }  # fmt: skip
        info = {"name": "fixture", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": capabilities, "serverInfo": info}
    if method == "tools/call":
        return call(params["name"], params.get("arguments", {}), params.get("_meta", {}).get("progressToken"))
    if method == "resources/read":
        return read(params["uri"])
    if method == "prompts/get":
        return prompt(params["name"], params.get("arguments", {}))
    known: dict[str, dict[str, Any]] = {
        "tools/list": {"tools": TOOLS},
        "resources/list": {"resources": RESOURCES},
        "resources/templates/list": {"resourceTemplates": TEMPLATES},
        "prompts/list": {"prompts": prompts()},
        "completion/complete": {"completion": {"values": ["paris", "park", "party"], "total": 150, "hasMore": False}},
    }
    return known.get(method, {})


def serve(message: dict[str, Any]) -> None:
    send({"id": message["id"], "result": result_of(message["method"], message.get("params", {}))})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message:
            _answers[message["id"]].put(message)
        elif "id" in message:
            threading.Thread(target=serve, args=(message,), daemon=True).start()


if __name__ == "__main__":
    main()
