# -*- coding: ascii -*-
"""dispatch.py EVENT [ARG...]: hands an event to the package, or answers by itself where that cannot be loaded.

Every Python 3, and 2.7, must be able to run this file: it is what tells the user that a Python is too old. The texts
and the rules of its own answers are those of `run`, which answers where there is no Python at all.
"""

import os
import sys

OLDEST = (3, 10)
HOOKS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HOOKS)
HANDED_OVER = "--handed-over"  # this interpreter was chosen by another dispatch.py: no further hand-over
IN_PROCESS = "--in-process"  # relay.py has found no resident: this process handles the hook
DEADLINE_S = 13.0  # the host ends a hook after 15 s and then runs the tool
GRACE_S = 0.5  # the handler keeps the deadline by itself; past it by this, something else takes the time
INITIALIZED = "initialized"  # mcp_start.py has answered the host's `initialize`: the bridge only passes it on
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11", "python3.10")
USUAL_PLACES = ("/opt/homebrew/bin", "/usr/local/bin", "/usr/bin")
TOLD = dict.fromkeys(
    ("post-tool-use", "post-tool-use-failure", "post-read"),
    "tool output is neither scanned nor audited in this session.",
)
TOLD.update({"session-start": "governance is not working.", "config-change": "this change of settings was not checked."})
HOOKS_OF_RELAY = tuple(TOLD) + ("pre-tool-use", "failed-output")
REBUILD = "Start a new session, which sets it up."
SETTING = "Fix AxonFlow configuration to restore tool access."


def main(argv):
    """Take the arguments after the script's name and give the exit status."""
    arguments, marks = list(argv), []
    while arguments and arguments[0] in (HANDED_OVER, IN_PROCESS):
        marks.append(arguments.pop(0))
    final, in_process = HANDED_OVER in marks, IN_PROCESS in marks
    event = arguments[0] if arguments else ""
    chosen = os.environ.get("AXONFLOW_PYTHON")  # where it has all that is needed, nothing is to be set up
    setting_up = event == "session-start" and not marks
    if setting_up and not chosen:
        set_up(arguments)
    to_be_seen = setting_up and chosen  # whether it has all that is needed
    if event in HOOKS_OF_RELAY and sys.version_info >= OLDEST and not in_process and not to_be_seen:
        relay(event)
    if event in HOOKS_OF_RELAY:
        arm(event)
    start, trouble = load(event)
    if start is not None:
        if to_be_seen:  # it has all: from here on as with any other, so that the session finds its resident warm
            disarm()
            relay(event)
        return start(arguments)
    if setting_up and chosen:
        set_up(arguments)
    if not final:
        hand_over(other_interpreters(), arguments, [HANDED_OVER] + marks)
    if event == "mcp" and is_set_up_here():
        serve_meanwhile(arguments)
    if event == "session-start":
        rebuild_next_time(trouble)
    disarm()
    return answer(event, trouble[0], trouble[1])


def relay(event):
    """Become relay.py, which asks the resident; come back when there is none of it."""
    script = os.path.join(HOOKS, "relay.py")
    if not os.path.isfile(script):
        return
    command = [sys.executable, "-I", "-S", script, event]
    try:
        if os.name == "nt":  # as in hand_over
            import subprocess

            sys.exit(subprocess.call(command))
        os.execv(sys.executable, command)
    except OSError:
        pass


def arm(event):
    """See that the fail mode answers when nothing else has done so in time: a busy machine may need long to import."""
    import signal
    import time

    if not hasattr(signal, "setitimer"):
        return
    try:
        left = float(os.environ["AXONFLOW_HOOK_DEADLINE"]) - time.monotonic()
    except (KeyError, ValueError):
        left = DEADLINE_S

    def too_late(_signal, _frame):
        answer(event, "AxonFlow could not decide within %g s." % DEADLINE_S, "See /axonflow-status.")
        sys.stdout.flush()
        os._exit(0)

    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, min(max(left, 0.0), DEADLINE_S) + GRACE_S)


def disarm():
    """The answer is being written."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def load(event):
    """Import what handles the event.

    Give (a function of the arguments that gives the exit status, None) or (None, (the problem, the remedy)).
    """
    if sys.version_info < OLDEST:
        return None, (
            "AxonFlow needs Python 3.10 or newer; %s is Python %d.%d." % ((sys.executable,) + sys.version_info[:2]),
            "Install Python 3.10 or newer, or set AXONFLOW_PYTHON to the full path of one, and start a new session.",
        )
    sys.path.insert(0, ROOT)
    try:
        if event in ("cli", "report"):
            from axonflow_hooks.cli import main as cli

            return lambda arguments: run_cli(cli, arguments), None
        if event == "mcp":
            from axonflow_hooks.claude_code.mcp_bridge import main as bridge

            return lambda arguments: bridge(answered=INITIALIZED in arguments), None
        import gc

        sys.modules.setdefault("httpx._main", None)  # httpx's command line: half of its import time
        gc.disable()  # importing makes much and no garbage: a tenth of its time would go into looking for some
        from axonflow_hooks.resident.in_process import main as hook

        gc.freeze()
        gc.enable()
        return lambda arguments: hook(event), None
    except ImportError as error:
        return None, missing(error)
    except Exception as error:  # a damaged installation must not be a traceback, on which older hosts run the tool
        return None, ("The AxonFlow plugin is damaged (%s in its code)." % type(error).__name__, "Reinstall it.")


def run_cli(cli, arguments):
    """Run the command line as `axonflow-hooks ARG...` would; `report` exits 0 whatever comes of it."""
    sys.argv = ["axonflow-hooks"] + arguments[1:]
    if arguments[0] == "cli":
        return cli()
    try:
        cli()
    except SystemExit:
        pass
    except Exception as error:
        sys.stdout.write("AxonFlow is not working (%s).\n" % type(error).__name__)
    return 0


def missing(error):
    """Take an ImportError and give (the problem, the remedy)."""
    name = getattr(error, "name", None) or "a module"
    if name.split(".")[0] == "axonflow_hooks":
        return "The AxonFlow plugin is incomplete (no %s)." % name, "Reinstall it."
    lines = read_lines("set-up-problem")
    if len(lines) == 2:
        return lines[0], lines[1]
    return (
        "AxonFlow's Python environment is not ready (%s has no %s)." % (sys.executable, name),
        REBUILD,
    )


def rebuild_next_time(trouble):
    """Take the stamp from an environment that lacks what was installed into it: the next session builds it anew."""
    environment = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable or "")))
    if trouble[1] == REBUILD and data_dir() and os.path.dirname(environment) == os.path.join(data_dir(), "environments"):
        try:
            os.remove(os.path.join(environment, ".ready"))
        except OSError:
            pass


# Other interpreters


def data_dir():
    """Give the plugin's data folder, or an empty string where the host has not said it."""
    folder = os.environ.get("CLAUDE_PLUGIN_DATA", "")
    return folder if os.path.isabs(folder) else ""


def read_lines(name):
    """Give the lines of a small file of the data folder; none when it cannot be read."""
    if not data_dir():
        return []
    try:
        with open(os.path.join(data_dir(), name)) as stream:
            return stream.read(4000).splitlines()
    except (IOError, OSError, ValueError):
        return []


def is_program(path):
    return os.path.isabs(path) and os.path.isfile(path) and os.access(path, os.X_OK)


def recorded():
    """Give the interpreter that set_up.py recorded, or an empty string."""
    path = (read_lines("interpreter") + [""])[0]
    return path if is_program(path) else ""


def other_interpreters():
    """Give the interpreters that may be able to load the package, best first."""
    own = os.path.abspath(sys.executable or "")
    candidates = [recorded(), os.path.join(ROOT, ".venv", "bin", "python")]
    return [path for path in candidates if is_program(path) and os.path.abspath(path) != own]


def serve_meanwhile(arguments):
    """Be the MCP server while the environment is being set up; come back when it is there already."""
    if sys.version_info < OLDEST:
        return hand_over(newer_python(), arguments, marks=())
    sys.path.insert(0, HOOKS)
    import mcp_start

    server = [os.path.abspath(__file__), HANDED_OVER] + arguments
    status = mcp_start.serve_until_set_up(ROOT, data_dir(), ["-I"] + server, INITIALIZED)
    if status is not None:
        sys.exit(status)


def hand_over(interpreters, arguments, marks=(HANDED_OVER,)):
    """Become the first of the interpreters that can be started; come back when there is none."""
    script = os.path.abspath(__file__)
    for path in interpreters:
        command = [path, "-I", script] + list(marks) + arguments
        try:
            if os.name == "nt":  # exec there makes a new process, and the host stops waiting
                import subprocess

                sys.exit(subprocess.call(command))
            os.execv(path, command)
        except OSError:
            continue


def newer_python():
    """Give a list of one Python that is new enough for the set-up, from PATH or the usual places, or of none."""
    import subprocess

    folders = [f for f in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(f)] + list(USUAL_PLACES)
    check = "import sys; sys.exit(sys.version_info < (3, 10))"
    for name in NEWER:
        for folder in folders:
            path = os.path.join(folder, name)
            if not is_program(path):
                continue
            with open(os.devnull, "r+b") as null:
                try:  # a version manager's stand-in exists for versions that it will not start
                    if subprocess.call([path, "-I", "-c", check], stdin=null, stdout=null, stderr=null) == 0:
                        return [path]
                except OSError:
                    continue
    return []


def is_set_up_here():
    """Tell whether the environment is this plugin's to build: a development checkout has its own."""
    return bool(data_dir()) and not os.path.isdir(os.path.join(ROOT, ".venv"))


def set_up(arguments):
    """See that the environment exists, then go on in it; come back when there is none or this one is it."""
    if not is_set_up_here():
        return
    if sys.version_info < OLDEST:
        return hand_over(newer_python(), arguments, marks=())
    sys.path.insert(0, HOOKS)
    try:
        import set_up as environment

        ready = environment.prepare(ROOT, data_dir())
    except Exception as error:
        sys.stderr.write("AxonFlow: the set-up failed (%s).\n" % type(error).__name__)
        return
    finally:
        sys.path.remove(HOOKS)
    if ready and os.path.abspath(ready) != os.path.abspath(sys.executable or ""):
        hand_over([ready], arguments)


# The answers


def toml_fail_mode(lines):
    """Give the top-level fail_mode of a TOML file without a TOML parser, which older Pythons lack."""
    for line in lines:
        key, _, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if key.startswith("["):
            break
        if key.strip("'\"") == "fail_mode":
            quote = value[:1]
            return value[1:].partition(quote)[0].strip() if quote in ("'", '"') else value.partition("#")[0].strip()
    return ""


def fail_mode():
    """Give (open, local, closed or None when malformed, the name of the setting)."""
    mode, name = os.environ.get("AXONFLOW_FAIL_MODE", "").strip(), "AXONFLOW_FAIL_MODE"
    if not mode:
        home = os.environ.get("HOME") or os.environ.get("USERPROFILE") or os.path.expanduser("~")
        folder = os.environ.get("AXONFLOW_CONFIG_DIR") or os.path.join(home, ".config", "axonflow")
        path = os.path.join(os.path.expanduser(folder), "config.toml")
        if os.path.exists(path):
            name = "fail_mode in config.toml"
            try:
                with open(path) as stream:
                    mode = toml_fail_mode(stream)
            except (IOError, OSError, ValueError):
                return None, name
    mode = mode.lower() or "open"
    return (mode if mode in ("open", "local", "closed") else None), name


def already_told():
    """Tell whether the user of this session has been told, and remember that now they have."""
    session = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    if not session or not data_dir():
        return False
    if read_lines("told-ungoverned") == [session]:
        return True
    try:
        with open(os.path.join(data_dir(), "told-ungoverned"), "w") as stream:
            stream.write(session + "\n")
    except (IOError, OSError):
        pass
    return False


def answer(event, problem, remedy_text):
    """Print what stands in for the package's answer, and give the exit status."""
    if event == "report":
        sys.stdout.write("AxonFlow is not working. %s %s\n" % (problem, remedy_text))
        return 0
    if event == "failed-output":
        return 0  # the text stays as it is: post-tool-use-failure has told
    if event not in TOLD and event != "pre-tool-use":
        sys.stderr.write("AxonFlow: %s %s\n" % (problem, remedy_text))
        return 1
    reply = None
    if event == "pre-tool-use":
        reply = before_tool(problem, remedy_text)
    elif not event.startswith("post-") or not already_told():
        until_then = ""
        if event == "session-start":
            until_then = " Until then tool calls %s." % ("run ungoverned" if fail_mode()[0] == "open" else "are blocked")
        reply = {"systemMessage": "AxonFlow: %s %s %s%s" % (TOLD[event], problem, remedy_text, until_then)}
    if reply is not None:
        import json

        sys.stdout.write(json.dumps(reply) + "\n")
    return 0


def before_tool(problem, remedy_text):
    """Decide by the fail mode: give the reply, or None to let the tool run in silence."""
    mode, name = fail_mode()
    if mode == "open":
        if already_told():
            return None
        return {"systemMessage": "AxonFlow: tool calls run without governance in this session. %s %s" % (problem, remedy_text)}
    if mode is None:
        reason = "%s cannot be used: it must be open, local or closed. %s" % (name, SETTING)
    else:
        reason = "%s The fail mode is %s, so no tool call runs ungoverned. %s" % (problem, mode, remedy_text)
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": "AxonFlow governance blocked: " + reason,
        }
    }


if __name__ == "__main__":
    if sys.path[:1] == [HOOKS]:  # `run` cannot use -I, which Python 2 does not know
        del sys.path[0]
    sys.exit(main(sys.argv[1:]))
