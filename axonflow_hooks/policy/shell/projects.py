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
    "rollup": (_NODE, ("rollup.config.js", "rollup.config.mjs", "rollup.config.ts")),
    "next": (_NODE, ("next.config.js", "next.config.mjs", "next.config.ts")),
    "nuxt": (_NODE, ("nuxt.config.js", "nuxt.config.ts")),
    "astro": (_NODE, ("astro.config.mjs", "astro.config.ts")),
    "babel": (_NODE, ("babel.config.js", ".babelrc.js")),
    "prettier": (_NODE, ("prettier.config.js", "prettier.config.mjs", ".prettierrc.js")),
    "postcss": (_NODE, ("postcss.config.js", "postcss.config.mjs")),
    "tailwindcss": (_NODE, ("tailwind.config.js", "tailwind.config.ts")),
    "playwright": (_NODE, ("playwright.config.js", "playwright.config.ts")),
    "cypress": (_NODE, ("cypress.config.js", "cypress.config.ts")),
    "mocha": (_NODE, (".mocharc.js", ".mocharc.cjs")),
    "karma": (_NODE, ("karma.conf.js",)),
    "flask": (_PYTHON, ("app.py", "wsgi.py")),
    "sphinx-build": (_PYTHON, ("conf.py", "docs/conf.py", "docs/source/conf.py", "source/conf.py")),
    "cargo": (("rust-script",), ("build.rs",)),
}
TEST_MODULES: Final = frozenset({"pytest", "unittest"})
"""Test runners that are started as modules of Python: the files behind them are tests, no programs."""
GIT_HOOKS: Final = (".git/hooks/", ".husky/")
"""Directories in which git looks for programs to run (githooks)."""
HOOKED_VERBS: Final = frozenset({"commit", "merge", "rebase", "push", "pull", "checkout", "switch", "am", "gc"})
JUST: Final = ("justfile", "Justfile", ".justfile")
PACKAGE_FILES: Final = {
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), ("package.json",)),
    "deno": ("deno.json", "deno.jsonc", "package.json"),
    "composer": ("composer.json",),
}
"""Package managers, and the files whose scripts they run."""
_ON_THEIR_OWN: Final = frozenset({"test", "start", "stop", "restart", "install", "prepare", "prepublish", "version"})


def package_scripts(text: str, arguments: Sequence[str]) -> Iterator[str]:
    """Take a package.json (or its like) and the arguments of a package manager; give the scripts that it may run."""
    try:
        package = json.loads(text)
        scripts = package.get("scripts", package.get("tasks"))
    except (ValueError, AttributeError, RecursionError):
        return
    for name, lines in scripts.items() if isinstance(scripts, dict) else ():
        wanted = name in arguments or name in _ON_THEIR_OWN or name.startswith(("pre", "post"))
        if wanted:
            yield from (line for line in (lines if isinstance(lines, list) else [lines]) if isinstance(line, str))
