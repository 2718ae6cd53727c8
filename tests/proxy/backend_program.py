"""A small MCP server for the tests, standard library alone; what its tools do is chosen by their names.

Run as `python backend_program.py FOLDER [OPTION=VALUE …]`. In FOLDER it counts its starts and writes down each call of
`count`; `definition.json` there, if any, replaces the description of the tool `echo`, `tools.json` adds tools.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])
OPTIONS = dict(option.split("=", 1) for option in sys.argv[2:])
_out = threading.Lock()
_answers: dict[str, Any] = {}
_answered = threading.Condition()
_cancelled: set[Any] = set()

TOOLS: dict[str, dict[str, Any]] = {
    "echo": {"description": "Gives back its arguments."},
    "count": {"description": "Writes a line.", "annotations": {"readOnlyHint": False}},
    "read": {"description": "Reads, and may be repeated.", "annotations": {"readOnlyHint": True}},
    "wait": {"description": "Waits for a file."},
    "fail": {"description": "Answers an error."},
    "reply": {"description": "Gives back the result it is given."},
    "ask": {"description": "Asks the client."},
    "steps": {"description": "Reports progress."},
    "log": {"description": "Logs."},
    "environment": {"description": "Gives the environment."},
    "typed": {
        "description": "Has an output schema.",
        "outputSchema": {
            "type": "object",
            "properties": {"ssn": {"type": "integer"}, "note": {"type": "string"}},
            "required": ["note"],
        },
    },
    "grandchild": {"description": "Starts a process that stays."},
}


def send(message: Any) -> None:
    with _out:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def note(name: str, text: str) -> None:
    with (FOLDER / name).open("a") as stream:
        stream.write(text + "\n")


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)


def tools() -> list[Any]:
    listed = []
    for name, more in TOOLS.items():
        tool = {"name": OPTIONS.get("prefix", "") + name, "inputSchema": {"type": "object"}, **more}
        changed = FOLDER / "definition.json"
        if name == "echo" and changed.exists():
            tool["description"] = json.loads(changed.read_text())
        listed.append(tool)
        if OPTIONS.get("twice") == name:
            listed.append(tool)
    more_tools = FOLDER / "tools.json"
    return listed + (json.loads(more_tools.read_text(encoding="utf-8")) if more_tools.exists() else [])


def text(value: str) -> Any:
    return {"content": [{"type": "text", "text": value}]}


def counted(name: str) -> Any:
    def work(identifier: Any, given: Any, token: Any) -> Any:
        note(f"{name}.txt", json.dumps(given))
        if given.get("die") and not (FOLDER / "survive").exists():
            (FOLDER / "survive").touch()
            os.kill(os.getpid(), 9)
        if given.get("hang"):
            wait_for((FOLDER / "go").exists)
        return text("done")

    return work


def wait(identifier: Any, given: Any, token: Any) -> Any:
    note("waiting.txt", str(identifier))
    wait_for(lambda: (FOLDER / "go").exists() or identifier in _cancelled)
    return text("waited")


def reply(identifier: Any, given: Any, token: Any) -> Any:
    held = FOLDER / "reply.json"
    return json.loads(held.read_text(encoding="utf-8")) if held.exists() else given["result"]


def fail(identifier: Any, given: Any, token: Any) -> Any:
    more = {"data": given["data"]} if "data" in given else {}
    send({"id": identifier, "error": {"code": given.get("code", -32000), "message": given["message"], **more}})


def steps(identifier: Any, given: Any, token: Any) -> Any:
    for step in range(3):
        progress = {"progressToken": token, "progress": step, "total": 3}
        if given.get("message"):
            progress["message"] = given["message"]
        send({"method": "notifications/progress", "params": progress})
    return text("done")


def log(identifier: Any, given: Any, token: Any) -> Any:
    send({"method": "notifications/message", "params": {"level": "info", "data": given["data"]}})
    return text("done")


def grandchild(identifier: Any, given: Any, token: Any) -> Any:
    return text(str(os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"])))


WORK: dict[str, Any] = {
    "count": counted("count"),
    "read": counted("read"),
    "wait": wait,
    "reply": reply,
    "fail": fail,
    "ask": lambda identifier, given, token: text(json.dumps(ask(**given))),
    "steps": steps,
    "log": log,
    "environment": lambda identifier, given, token: text(json.dumps(dict(os.environ))),
    "typed": lambda identifier, given, token: {"content": [], "structuredContent": given},
    "grandchild": grandchild,
    "echo": lambda identifier, given, token: {**text(json.dumps(given)), "structuredContent": given},
}


def call(identifier: Any, params: Any) -> None:
    name, given = params["name"].removeprefix(OPTIONS.get("prefix", "")), params.get("arguments", {})
    if name not in WORK:
        send({"id": identifier, "error": {"code": -32602, "message": "Unknown tool"}})
        return
    result = WORK[name](identifier, given, params.get("_meta", {}).get("progressToken"))
    if result is not None:
        send({"id": identifier, "result": result})


def ask(method: str, params: Any, withdraw: bool = False) -> Any:
    name = f"{method}-{time.monotonic_ns()}"
    # A number of the proxy's own requests, to be taken for an answer by who does not look closely.
    send({"id": OPTIONS.get("ask_id", name), "method": method, "params": params})
    if withdraw:
        wait_for((FOLDER / "go").exists)
        send({"method": "notifications/cancelled", "params": {"requestId": name}})
        return "withdrawn"
    with _answered:
        _answered.wait_for(lambda: OPTIONS.get("ask_id", name) in _answers, timeout=30)
        return _answers.get(OPTIONS.get("ask_id", name), {})


def pages(params: Any) -> Any:
    everything = tools()
    size = int(OPTIONS.get("page", 1000))
    start = int(params.get("cursor", 0))
    page: dict[str, Any] = {"tools": everything[start : start + size]}
    if start + size < len(everything):
        page["nextCursor"] = str(start + size)
    return page


def resource(params: Any) -> Any:
    note("resources.txt", params["uri"])
    held = FOLDER / "resource.json"
    content = json.loads(held.read_text()) if held.exists() else {"text": (FOLDER / "resource.txt").read_text()}
    return {"contents": [{"uri": params["uri"], **content}]}


def answer(message: Any) -> None:
    identifier, method, params = message.get("id"), message.get("method"), message.get("params") or {}
    if OPTIONS.get("keep") == method:
        note("params.txt", json.dumps(params))
    capabilities: dict[str, Any] = {"tools": {"listChanged": True}, "logging": {}}
    if OPTIONS.get("offer") == "all":
        capabilities |= {"resources": {"subscribe": True}, "prompts": {}, "completions": {}}
    if method == "initialize":
        note("clients.txt", json.dumps(params))
        version = OPTIONS.get("version", params["protocolVersion"])
        info = {"name": "test", "version": "1"}
        result = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
    elif method == "tools/list":
        result = pages(params)
    elif method == "resources/list":
        result = {"resources": [{"uri": f"test://{OPTIONS.get('name', 'one')}/a", "name": "a"}]}
    elif method == "resources/templates/list":
        result = {"resourceTemplates": [{"uriTemplate": f"test://{OPTIONS.get('name', 'one')}/{{x}}", "name": "x"}]}
    elif method == "resources/read":
        result = resource(params)
    elif method == "prompts/list":
        result = {"prompts": [{"name": "greet", "arguments": [{"name": "who"}]}]}
    elif method == "prompts/get":
        said = f"Greet {params.get('arguments', {}).get('who')}"
        result = {"messages": [{"role": "user", "content": {"type": "text", "text": said}}]}
    elif method == "completion/complete":
        result = {"completion": {"values": [params["ref"].get("name", params["ref"].get("uri"))]}}
    elif method in {"resources/subscribe", "resources/unsubscribe", "logging/setLevel"}:
        note("methods.txt", f"{method} {json.dumps(params)}")
        result = {}
    else:
        send({"id": identifier, "error": {"code": -32601, "message": "Method not found"}})
        return
    send({"id": identifier, "result": result})


def main() -> None:
    note("starts.txt", str(os.getpid()))
    if OPTIONS.get("gate"):
        wait_for(Path(OPTIONS["gate"]).exists)
    if OPTIONS.get("stderr"):
        sys.stderr.write(OPTIONS["stderr"] + "\n")
        sys.stderr.flush()
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message:
            with _answered:
                _answers[message["id"]] = {key: message[key] for key in ("result", "error") if key in message}
                _answered.notify_all()
        elif message["method"] == "tools/call":
            if "_meta" in message["params"]:
                note("meta.txt", json.dumps(message["params"]["_meta"]))
            threading.Thread(target=call, args=(message["id"], message["params"]), daemon=True).start()
        elif message["method"] == "notifications/cancelled":
            _cancelled.add(message["params"]["requestId"])
            note("cancelled.txt", json.dumps(message["params"]))
        elif "id" in message:
            answer(message)
        else:
            note("notifications.txt", message["method"])
    if OPTIONS.get("stay"):
        wait_for(lambda: False)


if __name__ == "__main__":
    main()
