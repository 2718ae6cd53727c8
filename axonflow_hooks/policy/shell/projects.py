"""Files of a project that its tools run on their own: start-up files, hooks, scripts of packages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NODE: Final = ("node",)
_PYTHON: Final = ("python3",)
# program: what runs its files, their names
PROJECT_FILES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "pytest": (_PYTHON, ("conftest.py", "tests/conftest.py")),
    "nox": (_PYTHON, ("noxfile.py",)),
    "invoke": (_PYTHON, ("tasks.py",)),
    "inv": (_PYTHON, ("tasks.py",)),
    "fab": (_PYTHON, ("fabfile.py",)),
    "scons": (_PYTHON, ("SConstruct",)),
    "rake": (("ruby",), ("Rakefile", "rakefile")),
    "bundle": (("ruby",), ("Gemfile",)),
    "vagrant": (("ruby",), ("Vagrantfile",)),
    "gulp": (_NODE, ("gulpfile.js", "gulpfile.mjs", "gulpfile.ts")),
    "jest": (_NODE, ("jest.config.js", "jest.config.ts", "jest.config.mjs")),
    "webpack": (_NODE, ("webpack.config.js",)),
    "vite": (_NODE, ("vite.config.js", "vite.config.ts", "vite.config.mjs")),
    "vitest": (_NODE, ("vitest.config.js", "vitest.config.ts", "vite.config.ts")),
    "eslint": (_NODE, (".eslintrc.js", "eslint.config.js", "eslint.config.mjs")),
    "direnv": (("bash",), (".envrc",)),
    "cargo": (("rust-script",), ("build.rs",)),
}
GIT_HOOKS: Final = (".git/hooks/", ".husky/")
"""Directories in which git looks for programs to run (githooks)."""
HOOKED_VERBS: Final = frozenset({"commit", "merge", "rebase", "push", "pull", "checkout", "switch", "am", "gc"})
JUST: Final = ("justfile", "Justfile", ".justfile")
PACKAGE_MANAGERS: Final = frozenset({"npm", "yarn", "pnpm", "bun"})
_ON_THEIR_OWN: Final = frozenset({"test", "start", "stop", "restart", "install", "prepare", "prepublish", "version"})


def package_scripts(text: str, arguments: Sequence[str]) -> Iterator[str]:
    """Take a package.json and the arguments of a package manager; give the scripts that it may run."""
    try:
        scripts = json.loads(text).get("scripts")
    except (ValueError, AttributeError, RecursionError):
        return
    for name, line in scripts.items() if isinstance(scripts, dict) else ():
        wanted = name in arguments or name in _ON_THEIR_OWN or name.startswith(("pre", "post"))
        if wanted and isinstance(line, str):
            yield line
