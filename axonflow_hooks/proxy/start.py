"""The first stage of the proxy: answers `initialize` at the price of a bare interpreter, then loads the rest.

Run as a script (`python -I …/proxy/start.py`): a host waits for the answer with a deadline, and loading takes longer
than answering. So this file imports built-in modules only. What it cannot read at a glance is left to the second stage.
"""

import sys

if sys.platform == "win32":
    import msvcrt
    import nt as system
else:
    import posix as system

VERSIONS = ("2025-11-25", "2025-06-18")  # what the handshake can agree on, the newest first
SERVER_NAME = "axonflow-governance"
MAX_FIRST_BYTES = 1_000_000
CAPABILITIES = (
    '{"completions":{},"logging":{},"prompts":{"listChanged":true},'
    '"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}}'
)
INSTRUCTIONS = (
    "Every call through this server is checked against the policies of AxonFlow before it runs, and every result "
    "before it is shown. A refusal names its decision id; do not try to work around it."
)


def initialize_result(requested: object, version: str) -> str:
    """Take the protocol version a client asks for and our own version, give the JSON of the `initialize` result."""
    agreed = next((known for known in VERSIONS if known == requested), VERSIONS[0])
    return (
        '{"protocolVersion":"' + agreed + '","capabilities":' + CAPABILITIES + ',"serverInfo":{"name":"' + SERVER_NAME
        + '","title":"AxonFlow Governance","version":"' + version + '"},"instructions":"' + INSTRUCTIONS + '"}'
    )  # fmt: skip


def members(text: str, start: int) -> dict[str, str]:
    """Take JSON text and the index of a `{` in it, give {key: raw text of its value} of that object.

    Raises ValueError (or IndexError) for what is not plain enough: escapes in keys, doubled keys, broken JSON.
    """
    found: dict[str, str] = {}
    place = start + 1
    while True:
        place = _skip(text, place)
        if text[place] == "}" and not found:
            return found
        if text[place] != '"':
            raise ValueError
        end = text.index('"', place + 1)
        key = text[place + 1 : end]
        place = _skip(text, end + 1)
        if "\\" in key or key in found or text[place] != ":":
            raise ValueError
        place = _skip(text, place + 1)
        end = _value_end(text, place)
        found[key] = text[place:end]
        place = _skip(text, end)
        if text[place] == "}":
            return found
        if text[place] != ",":
            raise ValueError
        place += 1


def _skip(text: str, place: int) -> int:
    while text[place] in " \t\r\n":
        place += 1
    return place


def _value_end(text: str, place: int) -> int:
    depth = 0
    while True:
        char = text[place]
        if char == '"':
            place += 1
            while text[place] != '"':
                place += 2 if text[place] == "\\" else 1
        elif char in "{[":
            depth += 1
        elif char in "}]":
            if not depth:
                return place
            depth -= 1
        elif char == "," and not depth:
            return place
        place += 1
        if not depth and char in '"}]':
            return place


def read_initialize(line: bytes) -> tuple[str, str] | None:
    """Take the first line of a client and give (raw id, requested protocol version), None when it is not plain."""
    try:
        text = line.decode("utf-8")
        message = members(text, _skip(text, 0))
        if message["jsonrpc"] != '"2.0"' or message["method"] != '"initialize"':
            return None
        raw_id, params = message["id"].strip(), message["params"]
        requested = members(params, 0)["protocolVersion"]
    except (ValueError, IndexError, KeyError):
        return None
    plain_id = raw_id.isascii() and (raw_id.isdigit() or (raw_id[:1] == '"' and raw_id[-1:] == '"'))
    if not plain_id or "\\" in raw_id or "\\" in requested:
        return None
    return raw_id, requested.strip()[1:-1]


def read_first_line() -> bytes:
    """Give what stdin holds up to at least the first line end: b"" at its end, or when it cannot be read like this."""
    data = b""
    try:
        while b"\n" not in data and len(data) < MAX_FIRST_BYTES:
            more = system.read(0, 65536)
            if not more:
                break
            data += more
    except OSError:
        return data
    return data


def write_all(data: bytes) -> None:
    """Write to stdout; an error shows when the second stage writes."""
    try:
        while data:
            data = data[system.write(1, data) :]
    except OSError:
        return


def main() -> int:
    """Answer `initialize`, then become the proxy; gives the exit status."""
    if sys.platform == "win32":
        msvcrt.setmode(0, 0x8000)  # O_BINARY: lines end in \n alone
        msvcrt.setmode(1, 0x8000)
    root = __file__.replace("\\", "/").rsplit("/", 3)[0]
    if root not in sys.path:  # an isolated interpreter does not look beside its script
        sys.path.append(root)
    from axonflow_hooks import __version__

    data = read_first_line()
    asked = read_initialize(data.partition(b"\n")[0]) if b"\n" in data else None
    if asked:
        result = initialize_result(asked[1], __version__)
        write_all(('{"jsonrpc":"2.0","id":' + asked[0] + ',"result":' + result + "}\n").encode())
    try:
        from axonflow_hooks.proxy.run import serve
    except ModuleNotFoundError as error:
        remedy = "Run: pip install 'axonflow-hooks[desktop]'"
        sys.stderr.write(f"[AxonFlow] ERROR The proxy needs more than is installed ({error.name}). {remedy}\n")
        return 2
    return serve(data, answered=asked is not None)


if __name__ == "__main__":
    sys.exit(main())
