"""The entry point of the Desktop Extension: the proxy, or with arguments a command of it (`approve`, `check`).

Lies in `server/` of the bundle, beside the package. A portable bundle carries what the proxy imports in `lib/`: what is
pure Python in `any`, what is compiled in one folder for each interpreter and system. Built-in modules only, as in
axonflow_hooks/proxy/start.py: the host waits for an answer.
"""

import sys

if sys.platform == "win32":
    import nt as system
else:
    import posix as system


def libraries(server: str) -> list[str]:
    """Take the folder of this file and give the folders of `lib` that are for this interpreter; none need exist."""
    machine = system.environ.get("PROCESSOR_ARCHITECTURE", "") if sys.platform == "win32" else system.uname().machine
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}-{sys.platform}-{machine.lower()}"
    return [f"{server}/lib/{tag}", f"{server}/lib/any"]


def main() -> int:
    """Become the proxy, and give the exit status."""
    server = __file__.replace("\\", "/").rsplit("/", 1)[0]
    sys.path[:0] = [server, *libraries(server)]
    if sys.argv[1:]:
        from axonflow_hooks.cli import main as command

        return command(["proxy", *sys.argv[1:]])
    from axonflow_hooks.proxy.start import main as proxy

    return proxy()


if __name__ == "__main__":
    sys.exit(main())
