"""Carries one hook call to the resident and its answer back, at the price of a bare interpreter.

Run by hooks/relay.py with `-I -S`; imports only what is built into the interpreter (`from __future__` would load a
file). Knows no JSON, no policy, no HTTP. Where no resident can be had, or one fails, it becomes dispatch.py, which runs
the same handler in process: slower, the same answer. The frames are described in resident/frames.py.
"""

import sys
import time

STARTED = time.monotonic()

import _socket  # noqa: E402 - the clock comes first

if sys.platform == "win32":
    import nt as system
else:
    import posix as system

MAGIC = b"AXF1"
DEADLINE_S = 13.0  # the host ends a hook after 15 s and then runs the tool
START_WAIT_S = 5.0  # for a resident to listen
STALL_S = 5.0  # a resident sends a sign of life every second: this long without one, it hangs
LEAST_S = 4.0  # with less time left than this, no second attempt
MAX_PAYLOAD = 2_000_000  # more is read and handled in process: one call must not swell the resident
MAX_INPUT = 64_000_001  # one byte more than the handler accepts
MAX_ANSWER = 64_000_000
MAX_ADDRESS = 100  # of the 104 bytes that every system has for a socket's path
ON_WINDOWS = sys.platform == "win32"

# What a hook may depend on besides these: the names that begin with AXONFLOW_. Everything else stays in this process.
PASSED_ON = (
    "PII_ACTION AI_AGENT CLAUDE_PLUGIN_ROOT CLAUDE_PLUGIN_DATA CLAUDE_PROJECT_DIR CLAUDE_CONFIG_DIR "
    "CLAUDE_CODE_SESSION_ID XDG_CACHE_HOME XDG_CONFIG_HOME LANG LC_ALL TMPDIR"
).split()
# A resident serves calls that agree in these: where files lie, and how the agent is reached.
IDENTITY = (
    "HOME USERPROFILE LOCALAPPDATA APPDATA AXONFLOW_CONFIG_DIR XDG_STATE_HOME XDG_DATA_HOME SSL_CERT_FILE SSL_CERT_DIR "
    "HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy"
).split()


class Failed(Exception):  # noqa: N818 - reads as what the resident has done
    """No answer came. `again` tells that a new resident may be asked; a hung one has cost too much time."""

    def __init__(self, again: bool) -> None:
        self.again = again


def main() -> None:
    """Answer one hook call; never returns."""
    event = sys.argv[1] if len(sys.argv) > 1 else ""
    call_id = system.urandom(16).hex()
    payload = None
    try:
        environ = text_environ()
        address = address_of(environ)
        for _ in range(2):
            link = reach(address, environ)
            if payload is None:
                payload = read_input()
            if len(payload) > MAX_PAYLOAD:
                break
            try:
                answer = exchange(link, request(event, call_id, environ, payload), address)
            except Failed as failed:
                if failed.again and remaining() > LEAST_S:
                    continue
                break
            try:
                write(2, answer[1])
                write(1, answer[0])
            finally:  # a second answer behind a part of this one would be noise
                system._exit(0)
    except Exception:  # noqa: BLE001, S110 - whatever it was, the hook has to answer
        pass
    hand_over(event, call_id, payload)


def remaining() -> float:
    """Give the seconds until this call's deadline."""
    return STARTED + DEADLINE_S - time.monotonic()


def text_environ() -> dict[str, str]:
    """Give this process's environment as text, bytes that are no UTF-8 as lone surrogates."""
    if sys.platform == "win32":
        return dict(system.environ)
    return {as_text(name): as_text(value) for name, value in system.environ.items()}


def as_text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


# Where the resident is


def address_of(environ: dict[str, str]) -> str:
    """Give the path of the socket for this user, plugin version, interpreter and environment. Raises OSError."""
    package = __file__[: -len("relay.py")]
    version = system.stat(package + "__init__.py")
    parts = [MAGIC.decode(), package, sys.executable, f"{version.st_mtime_ns} {version.st_size} {version.st_ino}"]
    parts += [f"{name}={environ.get(name, '')}" for name in IDENTITY]
    key = 0xCBF29CE484222325  # FNV-1a, 64 bits: a name, not a secret, and no import
    for byte in "\0".join(parts).encode("utf-8", "surrogateescape"):
        key = (key ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    kind = "tcp" if over_tcp(environ) else "sock"
    address = f"{private_folder(environ)}/{key:016x}.{kind}"
    if len(address.encode("utf-8", "surrogateescape")) > MAX_ADDRESS and kind == "sock":
        raise OSError("the socket's path is too long")
    return address


def over_tcp(environ: dict[str, str]) -> bool:
    """Tell whether this system has no unix sockets, or the environment wants it to seem so."""
    return not hasattr(_socket, "AF_UNIX") or environ.get("AXONFLOW_RESIDENT_TRANSPORT") == "tcp"


def private_folder(environ: dict[str, str]) -> str:
    """Give a folder that only this user can enter, making it where it is missing. Raises OSError."""
    if sys.platform == "win32":  # the user's own folders are closed to others there
        folder = environ["LOCALAPPDATA"] + "/axonflow-run"
        if not exists(folder):
            system.mkdir(folder)
        return folder
    user = system.getuid()
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    choices = [f"{runtime}/axonflow"] if runtime[:1] == "/" and len(runtime) < 60 else []
    choices.append(f"/tmp/axonflow-{user}")  # noqa: S108 - checked below, on every call
    chosen = environ.get("AXONFLOW_RESIDENT_DIR", "")
    for folder in [chosen] if chosen else choices:
        try:
            if not exists(folder):
                system.mkdir(folder, 0o700)
            status = system.lstat(folder)
        except OSError:
            continue
        if status.st_mode & 0o170077 == 0o040000 and status.st_uid == user:
            return folder
    raise OSError("no private folder")


def exists(path: str) -> bool:
    try:
        system.lstat(path)
    except OSError:
        return False
    return True


def reach(address: str, environ: dict[str, str]) -> _socket.socket:
    """Give a connection to the resident, starting one where there is none. Raises OSError."""
    try:
        return connect(address)
    except OSError:
        child = start(address, environ)
    until = time.monotonic() + min(START_WAIT_S, remaining() - LEAST_S)
    pause = 0.002
    while time.monotonic() < until:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
        try:
            return connect(address)
        except OSError:
            # One that finds another in its place leaves with 0; any other end will not be better the next time.
            if child and sys.platform != "win32":
                ended, status = system.waitpid(child, system.WNOHANG)
                if ended and status:
                    raise
                child = 0 if ended else child
    raise OSError("no resident")


def connect(address: str) -> _socket.socket:
    """Give a connection to a listening resident of this user. Raises OSError."""
    if address.endswith(".tcp"):
        return connect_tcp(address)
    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    link.settimeout(STALL_S)
    link.connect(address)
    if hasattr(_socket, "SO_PEERCRED") and sys.platform != "win32" and peer(link)[1] != system.getuid():
        raise OSError("not this user's")
    return link


def connect_tcp(address: str) -> _socket.socket:
    """Prove to each other, by a private file, that the other end is this user's: first this side, then the resident."""
    port, ours, theirs, _ = read_file(address).split()
    link = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    link.settimeout(STALL_S)
    link.connect(("127.0.0.1", int(port)))
    link.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    link.sendall(ours)
    proof = b""
    while len(proof) < len(theirs):
        chunk = link.recv(len(theirs) - len(proof))
        if not chunk:
            raise OSError("refused")
        proof += chunk
    if proof != theirs:
        raise OSError("not this user's")
    return link


def read_file(path: str) -> bytes:
    """Give a small private file's content. Raises OSError."""
    opened = system.open(path, system.O_RDONLY)
    try:
        status = system.fstat(opened)
        if sys.platform != "win32" and (status.st_mode & 0o170077 != 0o100000 or status.st_uid != system.getuid()):
            raise OSError("not private")
        return system.read(opened, 4096)
    finally:
        system.close(opened)


def peer(link: _socket.socket) -> tuple[int, int]:
    """Give the process and the user at the other end of a unix socket (SO_PEERCRED: pid, uid, gid)."""
    found = link.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(found[:4], sys.byteorder), int.from_bytes(found[4:8], sys.byteorder)


def start(address: str, environ: dict[str, str]) -> int:
    """Start a resident, detached, and give its process id, 0 where it is not known. Raises OSError."""
    names = [*IDENTITY, "AXONFLOW_RESIDENT_TRANSPORT", "AXONFLOW_RESIDENT_IDLE_S", "TMPDIR", "SYSTEMROOT", "TEMP"]
    kept = {name: environ[name] for name in names if name in environ}  # no credential: each call brings its own
    script = __file__[: -len("relay.py")] + "resident/__main__.py"
    command = [sys.executable, "-I", "-S", script, address]
    if sys.platform == "win32":
        import subprocess

        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        null = subprocess.DEVNULL
        subprocess.Popen(command, env=kept, stdin=null, stdout=null, stderr=null, creationflags=flags)
        return 0
    null_io = [(system.POSIX_SPAWN_OPEN, stream, "/dev/null", system.O_RDWR, 0) for stream in (0, 1, 2)]
    return system.posix_spawn(sys.executable, command, kept, file_actions=null_io)


# The exchange


def read_input() -> bytes:
    """Give what the host writes, up to a byte more than a handler accepts."""
    content = bytearray()
    while len(content) < MAX_INPUT:
        chunk = system.read(0, min(1_048_576, MAX_INPUT - len(content)))
        if not chunk:
            break
        content += chunk
    return bytes(content)


def request(event: str, call_id: str, environ: dict[str, str], payload: bytes) -> bytes:
    """Give the frame of one call."""
    passed = [f"{k}={v}" for k, v in environ.items() if k in PASSED_ON or k in IDENTITY or k.startswith("AXONFLOW_")]
    fields = (
        event.encode("utf-8", "surrogateescape"),
        call_id.encode(),
        str(int(remaining() * 1000)).encode(),
        "\0".join(passed).encode("utf-8", "surrogateescape"),
        payload,
    )
    body = b"".join([len(field).to_bytes(4, "big") + field for field in fields])
    return MAGIC + len(body).to_bytes(4, "big") + body


def exchange(link: _socket.socket, frame: bytes, address: str) -> tuple[bytes, bytes]:
    """Send a frame and give the (standard output, standard error) that comes back. Raises Failed."""
    received = bytearray()
    wanted = 9
    try:
        link.sendall(frame)
        while len(received) < wanted:
            left = remaining()
            if left <= 0:
                raise Failed(again=False)
            link.settimeout(min(STALL_S, left))
            chunk = link.recv(1_048_576)
            received += chunk
            if received[:1] == b".":
                received = received.lstrip(b".")  # signs of life
            if len(received) >= 9:
                wanted = 9 + int.from_bytes(received[1:5], "big") + int.from_bytes(received[5:9], "big")
            if not chunk or bytes(received[:1]) not in {b"", b"A"} or wanted > MAX_ANSWER:
                raise Failed(again=not chunk)  # gone, unwilling, or no resident of ours
    except TimeoutError:
        if remaining() > 0:
            end_hung(link, address)
        raise Failed(again=False) from None
    except OSError:
        raise Failed(again=True) from None
    middle = 9 + int.from_bytes(received[1:5], "big")
    return bytes(received[9:middle]), bytes(received[middle:wanted])


def end_hung(link: _socket.socket, address: str) -> None:
    """Kill a resident that hangs: it would cost every later call the same time, and no record is lost by it."""
    try:
        if address.endswith(".tcp"):
            listening = holder = int(read_file(address).split()[3])  # whoever listens has proved to know this file
        else:
            holder = int(read_file(address + ".lock"))
            if hasattr(_socket, "SO_PEERCRED"):
                listening = peer(link)[0]
            else:
                listening = int.from_bytes(link.getsockopt(0, 2, 4), sys.byteorder)  # macOS: SOL_LOCAL, LOCAL_PEERPID
        if listening == holder > 1:
            system.kill(holder, 9)
    except (OSError, ValueError, IndexError):
        pass


def write(stream: int, content: bytes) -> None:
    """Write all of it; a host that no longer reads ends the hook."""
    view = memoryview(content)
    while view:
        try:
            view = view[system.write(stream, view) :]
        except BlockingIOError:
            time.sleep(0.001)


# The way without a resident


def hand_over(event: str, call_id: str, payload: bytes | None) -> None:
    """Become dispatch.py, with standard input as the host gave it; where that fails, answer without it."""
    try:
        script = __file__[: -len("axonflow_hooks/relay.py")] + "hooks/dispatch.py"
        command = [sys.executable, "-I", script, "--in-process", event]
        marks = {"AXONFLOW_HOOK_CALL": call_id, "AXONFLOW_HOOK_DEADLINE": repr(STARTED + DEADLINE_S)}
        if sys.platform == "win32":  # exec there makes a new process, and the host stops waiting
            import subprocess

            system._exit(
                subprocess.run(command, env={**system.environ, **marks}, input=payload, check=False).returncode
            )
        if payload is not None:
            restore_input(payload)
        environ = {**system.environ, **{name.encode(): value.encode() for name, value in marks.items()}}
        system.execve(sys.executable, command, environ)
    except Exception:  # noqa: BLE001, S110 - as above
        pass
    last_answer(event)


def restore_input(payload: bytes) -> None:
    """Make standard input give the payload again, from a child that holds nothing else of the host's."""
    if sys.platform == "win32":
        return
    reading, writing = system.pipe()
    if system.fork() == 0:
        for stream in (0, 1, 2, reading):  # the host waits until nobody holds its ends any more
            try:  # noqa: SIM105 - contextlib would be an import
                system.close(stream)
            except OSError:
                pass
        try:
            write(writing, payload)
        finally:
            system._exit(0)
    system.dup2(reading, 0)
    system.close(reading)
    system.close(writing)


def last_answer(event: str) -> None:
    """Answer when not even dispatch.py can be started: a call runs only where the fail mode is known to allow it."""
    told = "AxonFlow: its own files cannot be run. Reinstall the plugin."
    if event == "pre-tool-use" and text_environ().get("AXONFLOW_FAIL_MODE", "").strip().lower() != "open":
        decision = '"permissionDecision": "deny", "permissionDecisionReason": "AxonFlow governance blocked: ' + told
        write(1, b'{"hookSpecificOutput": {"hookEventName": "PreToolUse", ' + decision.encode() + b'"}}\n')
    else:
        write(1, b'{"systemMessage": "' + told.encode() + b'"}\n')
    system._exit(0)
