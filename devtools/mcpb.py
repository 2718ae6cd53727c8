"""Packs the governance proxy as Desktop Extensions: `python -m devtools.mcpb [--out DIR] [uv] [portable]`.

`uv` holds the proxy and names what it needs, for hosts that bring uv. `portable` carries what it needs, compiled parts
for each system and interpreter too, and finds a Python by itself. Both are made of desktop/ and of the lock file, are
validated and packed with the `mcpb` tool, and say in their manifest what a host is to ask the user.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from axonflow_hooks import __version__
from devtools.fetched import NotAvailable, npm_folder, script_of
from devtools.live import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MCPB: Final = "@anthropic-ai/mcpb@2.1.2"
UV: Final = "uv==0.13.9"
DESKTOP: Final = ROOT / "desktop"
LOCK: Final = ROOT / "requirements" / "dev.txt"
VARIANTS: Final = ("uv", "portable")
NOT_IN_IT: Final = ("agent", "policy")
"""Rooms of the package that a proxy never enters."""
NOT_RUN: Final = ("tests", "benchmarks")
"""Folders of other packages that nothing imports."""

PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")
PLATFORMS: Final = {
    "darwin-arm64": "aarch64-apple-darwin",
    "darwin-x86_64": "x86_64-apple-darwin",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "linux-x86_64": "x86_64-manylinux_2_28",
    "win32-amd64": "x86_64-pc-windows-msvc",
}
"""The systems of a portable bundle: as desktop/main.py names them, and as uv does."""

_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)
_PYPROJECT: Final = """\
[project]
name = "axonflow-governance"
version = "{version}"
requires-python = ">=3.10,<3.15"
dependencies = [
{dependencies}
]

[tool.uv]
package = false
"""
_PORTABLE_SERVER: Final[dict[str, Any]] = {
    "command": "/bin/sh",
    "args": ["${__dirname}/server/launch"],
    "platform_overrides": {"win32": {"command": "py", "args": ["-3", "-I", "${__dirname}/server/main.py"]}},
}
_PYTHON_OPTION: Final = {
    "type": "file",
    "title": "Python",
    "description": "A Python 3.10 to 3.14, where the one that is found should not be used. Not on Windows.",
    "required": False,
}


def locked() -> dict[str, list[str]]:
    """Give what the proxy needs, {package: lines "name==version ; marker"}, as the lock file has it."""
    lines: dict[str, list[str]] = {}
    for name, version, marker in _LOCKED.findall(LOCK.read_text(encoding="utf-8")):
        lines.setdefault(canonicalize_name(name), []).append(f"{name}=={version}" + (f" ; {marker}" if marker else ""))
    found: dict[str, list[str]] = {}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["desktop"]]
    pending: list[str] = [canonicalize_name(Requirement(line).name) for line in asked]
    while pending:
        name = pending.pop()
        if name not in found and name in lines:
            found[name] = lines[name]
            pending += _needed(name)
    return dict(sorted(found.items()))


def _needed(package: str) -> list[str]:
    """Give the packages that one needs on any system: what does not apply to one is left out by the lock's markers."""
    try:
        wanted = [Requirement(line) for line in requires(package) or ()]
    except PackageNotFoundError:  # it is for other systems
        return []
    return [canonicalize_name(needed.name) for needed in wanted if "extra ==" not in str(needed.marker or "")]


def stage(variant: str, folder: Path) -> None:
    """Put together what a bundle holds, in an empty folder. Raises NotAvailable when uv cannot be had."""
    server = folder / "server"
    shutil.copytree(ROOT / "axonflow_hooks", server / "axonflow_hooks", ignore=_left_out)
    shutil.copy2(DESKTOP / "main.py", server)
    for name in ("icon.png", "PRIVACY.md", "config.example.json"):
        shutil.copy2(DESKTOP / name, folder)
    shutil.copy2(ROOT / "LICENSE", folder)
    packages = locked()
    if variant == "uv":
        lines = [line for versions in packages.values() for line in versions]
        dependencies = "\n".join(f"  {json.dumps(line)}," for line in lines)
        text = _PYPROJECT.format(version=__version__, dependencies=dependencies)
        (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    else:
        shutil.copy2(DESKTOP / "launch", server)
        packages.pop("uvloop", None)  # for speed alone, and as large as all the rest of them
        _install([_for_all(versions) for versions in packages.values()], server / "lib")
    (folder / "manifest.json").write_text(json.dumps(manifest(variant), indent=2) + "\n", encoding="utf-8")


def _for_all(lines: list[str]) -> str:
    """Give one line for every interpreter: the release for the oldest of them runs on all."""
    return lines[0] if len(lines) == 1 else lines[0].partition(" ;")[0]


def _left_out(folder: str, names: list[str]) -> list[str]:
    rooms = NOT_IN_IT if Path(folder) == ROOT / "axonflow_hooks" else ()
    return [name for name in names if name == "__pycache__" or name in rooms]


def manifest(variant: str) -> dict[str, Any]:
    """Give the manifest of a variant: desktop/manifest.json is that of `uv`."""
    found: dict[str, Any] = json.loads((DESKTOP / "manifest.json").read_text(encoding="utf-8"))
    found["version"] = __version__
    if variant == "portable":
        # Hosts that know no `uv` know no 0.4 either.
        found["manifest_version"], found["$schema"] = "0.3", found["$schema"].replace("v0.4", "v0.3")
        server = found["server"]
        given = {name: value for name, value in server["mcp_config"]["env"].items() if not name.startswith("UV_")}
        env = {**given, "AXONFLOW_PYTHON": "${user_config.python}"}
        server |= {"type": "python", "mcp_config": {**_PORTABLE_SERVER, "env": env}}
        found["user_config"]["python"] = _PYTHON_OPTION
    return found


def _install(lines: list[str], lib: Path) -> None:
    """Install for each system and interpreter: what is pure Python once, what is compiled in a folder of its own."""
    uv = script_of(UV, "uv")
    with tempfile.TemporaryDirectory() as name:
        wanted = Path(name, "wanted.txt")
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for system, platform in PLATFORMS.items():
            for python in PYTHONS:
                target = Path(name, f"cp{python.replace('.', '')}-{system}")
                command = [str(uv), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
                command += ["--python-version", python, "--python-platform", platform, "--target", str(target)]
                _run([*command, "--requirement", str(wanted)])
                for package in target.glob("*.dist-info"):
                    _sort(package, target, lib)


def _sort(package: Path, target: Path, lib: Path) -> None:
    """Move one installed package to where it belongs in `lib`."""
    pure = "-none-any" in (package / "WHEEL").read_text(encoding="utf-8")
    place = lib / ("any" if pure else target.name)
    record = (package / "RECORD").read_text(encoding="utf-8").splitlines()
    files = [line.rpartition(",")[0].rpartition(",")[0].strip('"') for line in record]
    for file in files:
        parts = file.split("/")
        if (
            parts[0] in {"..", "bin", "Scripts"}
            or "__pycache__" in parts
            or parts[1:2] in ([name] for name in NOT_RUN)
            or file.endswith(("/RECORD", "/INSTALLER"))
        ):
            continue
        source, goal = target / file, place / file
        if source.is_file() and not goal.exists():
            goal.parent.mkdir(parents=True, exist_ok=True)
            source.replace(goal)


def pack(folder: Path, bundle: Path) -> None:
    """Validate a staged folder and pack it. Raises NotAvailable when node or the tool cannot be had."""
    node = shutil.which("node")
    if node is None:
        raise NotAvailable("node is not installed")
    tool = npm_folder((MCPB,)) / "@anthropic-ai" / "mcpb" / "dist" / "cli" / "cli.js"
    _run([node, str(tool), "validate", str(folder / "manifest.json")])
    bundle.parent.mkdir(parents=True, exist_ok=True)
    _run([node, str(tool), "pack", str(folder), str(bundle)])


def bundle_name(variant: str) -> str:
    """Give the file name of a variant."""
    return f"axonflow-governance-{__version__}{'' if variant == 'uv' else '-portable'}.mcpb"


def build(variant: str, out: Path) -> Path:
    """Make the bundle of a variant in a folder and give its path. Raises NotAvailable."""
    with tempfile.TemporaryDirectory() as folder:
        stage(variant, Path(folder))
        pack(Path(folder), out / bundle_name(variant))
    return out / bundle_name(variant)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Make the bundles that are asked for; both without a word."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", metavar="uv|portable", help="without one: both")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    if not {*arguments.variants} <= {*VARIANTS}:
        parser.error(f"a variant is one of {', '.join(VARIANTS)}")
    for variant in arguments.variants or VARIANTS:
        try:
            made = build(variant, arguments.out)
        except NotAvailable as reason:
            raise SystemExit(f"{bundle_name(variant)} cannot be packed: {reason}") from None
        print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
