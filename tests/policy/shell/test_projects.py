"""Files of a project that its tools run on their own."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.projects import package_scripts

PYTHON = 'import os; os.system("rm -rf /")'
NODE = 'require("child_process").execSync("rm -rf /")'
DESTROYS = [
    "echo 'rm -rf /' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; git commit -m x",
    "echo 'rm -rf /' > .husky/pre-push; git push",
    "echo 'rm -rf /' > .envrc; direnv allow",
    "printf 'x:\\n    rm -rf /\\n' > justfile; just x",
    'echo \'{"scripts":{"x":"rm -rf /"}}\' > package.json; npm run x',
    'echo \'{"scripts":{"postinstall":"rm -rf /"}}\' > package.json && pnpm install',
    'echo \'{"scripts":{"build":"rm -rf /"}}\' > package.json; yarn build',
    "echo 'system(\"rm -rf /\")' > Rakefile; rake",
    f"echo '{PYTHON}' > noxfile.py; nox",
    f"echo '{PYTHON}' > tasks.py; python -m invoke build",
    f"echo '{PYTHON}' > conftest.py; python3 -m pytest",
    f"echo '{PYTHON}' > m.py; python3 -m m",
    f"echo '{PYTHON}' > pkg/sub/__main__.py; python -m pkg.sub",
    f"echo '{NODE}' > gulpfile.js; npx gulp",
    f"echo '{NODE}' > jest.config.js; jest",
]
CLEAN = [
    "echo 'npx lint-staged' > .git/hooks/pre-commit; git commit -m x",
    "echo 'rm -rf /' > .git/hooks/pre-commit; git status",
    "echo 'export A=1' > .envrc; direnv allow",
    "printf 'x:\\n    rm -rf build\\n' > justfile; just x",
    'echo \'{"scripts":{"clean":"rm -rf dist"}}\' > package.json; npm run clean',
    'echo \'{"scripts":{"x":"rm -rf /"}}\' > package.json; npm run build',
    'echo \'{"description":"rm -rf /"}\' > package.json; npm test',
    "echo 'rm -rf / [' > package.json; npm test",
    f"echo '{PYTHON}' > noxfile.py; cat noxfile.py",
    f"echo '{PYTHON}' > m.py; python3 -m other",
    'printf \'assert evaluate("rm -rf /") == "block"\' > tests/test_x.py; pytest tests/test_x.py',
    "printf 'assert run(\"rm -rf /\") == 3' > test_x.py; python -m pytest test_x.py",
]


@pytest.mark.parametrize("source", DESTROYS)
def test_files_that_tools_run_are_judged(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_files_that_nobody_runs_are_not(source: str) -> None:
    assert effects_of(lower(source)) == {}


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ('{"scripts":{"a":"x","b":"y","pretest":"z"}}', ("run", "a"), ["x", "z"]),
        ('{"scripts":{"install":"x"}}', ("ci",), ["x"]),
        ('{"scripts":["x"]}', ("run", "a"), []),
        ('{"scripts":{"a":1}}', ("run", "a"), []),
        ("[]", ("run",), []),
        ("{", ("run",), []),
        ("[" * 20_000, ("run",), []),
    ],
    ids=["named", "on their own", "a list", "a number", "no object", "broken", "deep"],
)
def test_the_scripts_of_a_package(text: str, arguments: tuple[str, ...], expected: list[str]) -> None:
    assert list(package_scripts(text, arguments)) == expected
