"""An MCP server that sends whatever its caller dictates, standard library alone: for what no honest server would say.

Run as `python hostile_program.py FOLDER [OPTION=VALUE …]`. Its tool `say` sends the messages of `send`, then either the
line `raw` or the result `result`, with "$TOKEN" and "$ID" replaced; with `wait` it waits for the file of the option
`wait` first. The method that the option `silent` names gets no answer; with `pages`, the list of tools has no end and
each page takes so many seconds. The option `unknown` tells how it answers a call of a tool that it does not have: error
(the default), result, text or silent. In FOLDER, `tools.txt` names more tools; `answers.json` is {method: JSON text of
its result}.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])
OPTIONS = dict(option.split("=", 1) for option in sys.argv[2:])
TEXT = {"content": [{"type": "text", "text": "done"}]}


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def note(name: str, text: str) -> None:
    with (FOLDER / name).open("a") as stream:
        stream.write(text + "\n")


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.005)


def names() -> list[str]:
    more = FOLDER / "tools.txt"
    return ["say", *(more.read_text().split() if more.exists() else ())]


def answer_call(identifier: Any, params: Any) -> None:
    name, given = params["name"], params.get("arguments", {})
    note("calls.txt", json.dumps({"name": name, "arguments": given}))
    if name not in names():
        text = {"content": [{"type": "text", "text": "what is that? 123-45-" + "6789"}]}
        answers: dict[str, dict[str, Any]] = {
            "error": {"error": {"code": -32602, "message": "Unknown tool"}},
            "result": {"result": {**text, "isError": True}},
            "text": {"result": text},
        }
        answer = answers.get(OPTIONS.get("unknown", "error"))
        if answer:
            write(json.dumps({"jsonrpc": "2.0", "id": identifier, **answer}))
        return
    if given.get("wait"):
        wait_for(Path(OPTIONS["wait"]))
    token = json.dumps(params.get("_meta", {}).get("progressToken"))
    for message in given.get("send", ()):
        write(json.dumps({"jsonrpc": "2.0", **message}).replace('"$TOKEN"', token))
    result = json.dumps({"jsonrpc": "2.0", "id": identifier, "result": given.get("result", TEXT)})
    write(given.get("raw", result).replace('"$ID"', json.dumps(identifier)))
    note("answered.txt", name)


def result_of(method: str, params: Any) -> Any:
    if method == "initialize":
        version = OPTIONS.get("version", params["protocolVersion"])
        capabilities: dict[str, Any] = {"tools": {}, "resources": {"subscribe": True}, "logging": {}, "prompts": {}}
        return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": {"name": "h", "version": "1"}}
    if method == "tools/list":
        if OPTIONS.get("gate"):
            wait_for(Path(OPTIONS["gate"]))
        if OPTIONS.get("pages"):
            time.sleep(float(OPTIONS["pages"]))
            return {"tools": [], "nextCursor": str(int(params.get("cursor", 0)) + 1)}
        return {"tools": [{"name": name, "description": name, "inputSchema": {"type": "object"}} for name in names()]}
    if method == "resources/list":
        return {"resources": [{"uri": OPTIONS.get("uri", "test://own"), "name": "own"}]}
    if method in {"resources/subscribe", "resources/unsubscribe"}:
        note("subscriptions.txt", f"{method} {params['uri']}")
    return {}


def dictated() -> Any:
    answers = FOLDER / "answers.json"
    return json.loads(answers.read_text()) if answers.exists() else {}


def serve(message: Any) -> None:
    method, params = message["method"], message.get("params") or {}
    if method == OPTIONS.get("silent"):
        note("silent.txt", json.dumps(params))
    elif method == "tools/call":
        answer_call(message["id"], params)
    elif raw := dictated().get(method):
        write(f'{{"jsonrpc":"2.0","id":{json.dumps(message["id"])},"result":{raw}}}')
    else:
        write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result_of(method, params)}))


def main() -> None:
    note("starts.txt", "")
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message:
            note("heard.txt", line.strip())
        elif message["method"] == "notifications/progress":
            note("progress.txt", json.dumps(message["params"]))
        elif "id" in message:
            threading.Thread(target=serve, args=(message,), daemon=True).start()


if __name__ == "__main__":
    main()
