"""What build tools, test runners and task runners start because a file says so."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.builds import build_lines, yaml_commands
from axonflow_hooks.policy.shell.commands import Command, Word
from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

TEST = 'import os\ndef test_a():\n    os.system("rm -rf /")'
RUST = 'fn main() { Command::new("rm").arg("-rf").args(["/home"]).status().unwrap(); }'
GO = 'package main\nfunc main() { exec.Command("rm", "-rf", "/home").Run() }'
CC = '#include <stdlib.h>\nint main() { system("rm -rf /"); }'
JS = 'test("x", () => { execSync("rm -rf /") })'
UNIT = "[Service]\nExecStart=-/bin/sh -c 'rm -rf /'"
LOCAL_EXEC = 'provisioner "local-exec" {\n  command = <<EOT\nrm -rf /\nEOT\n}'
EXTERNAL = 'data "external" "x" {\n  program = ["sh", "-c", "rm -rf /"]\n}'
BLOCK = "- hosts: all\n  tasks:\n    - shell: |\n        rm -rf /\n"
HOOK = 'hooks: [{id: x, language: system, entry: "rm -rf /"}]'


def written(text: str, name: str, call: str) -> str:
    return f"cat > {name} <<'X'\n{text}\nX\n{call}"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(written("execute_process(COMMAND rm -rf /)", "CMakeLists.txt", "cmake -B b"), id="cmake"),
        pytest.param(written("add_custom_target(x COMMAND ls COMMAND rm -rf / DEPENDS)", "a.cmake", "cmake -P a.cmake"),
                     id="cmake-second-command"),
        pytest.param(written('file(REMOVE_RECURSE "/home")', "a.cmake", "cmake -P a.cmake"), id="cmake-file"),
        pytest.param(written("rule r\n  command = rm -rf /", "build.ninja", "ninja"), id="ninja"),
        pytest.param(written("run_command('rm', '-rf', '/')", "meson.build", "meson setup b"), id="meson"),
        pytest.param(written('"rm -rf /".execute()', "i.gradle", "gradle -I i.gradle x"), id="gradle-text"),
        pytest.param(written('["rm", "-rf", "/"].execute()', "build.gradle", "./gradlew x"), id="gradle-list"),
        pytest.param(written("exec { commandLine 'rm', '-rf', '/' }", "build.gradle", "gradle x"), id="gradle-exec"),
        pytest.param(written(LOCAL_EXEC, "main.tf", "terraform apply"), id="local-exec-document"),
        pytest.param(written(EXTERNAL, "main.tf", "tofu plan"), id="external-program"),
        pytest.param(written("tasks:\n  x:\n    cmds: [rm -rf /]", "Taskfile.yml", "task x"), id="task-list"),
        pytest.param(written(HOOK, ".pre-commit-config.yaml", "pre-commit run -a"), id="pre-commit"),
        pytest.param(written("x:\n  run: rm -rf /", "lefthook.yml", "lefthook run x"), id="lefthook"),
        pytest.param(written(BLOCK, "p.yml", "ansible-playbook p.yml"), id="playbook"),
        pytest.param("ansible-playbook /dev/stdin <<'X'\n" + BLOCK + "X", id="playbook-on-stdin"),
        pytest.param(written("[testenv]\ncommands =\n  ls\n  - rm -rf /", "tox.ini", "tox -e x"), id="tox"),
        pytest.param(written("a: rm -rf /", "Procfile.dev", "foreman start -f Procfile.dev"), id="procfile"),
        pytest.param(written(UNIT, "x.service", "systemctl --user start x"), id="unit"),
        pytest.param(written("0 * * * * rm -rf /", "c", "crontab c"), id="crontab"),
        pytest.param(written(RUST, "src/main.rs", "cargo run"), id="cargo-run"),
        pytest.param(written(RUST, "build.rs", "cargo check"), id="cargo-build-script"),
        pytest.param(written(GO, "main.go", "go run ."), id="go-run"),
        pytest.param(written(CC, "a.c", "clang -O2 a.c -o a && ./a"), id="c"),
        pytest.param(written(TEST, "t/test_a.py", "pytest -x t"), id="pytest-folder"),
        pytest.param(written(TEST, "test_a.py", "poetry run pytest test_a.py::test_a"), id="pytest-of-a-project"),
        pytest.param(written(TEST, "test_a.py", "python3 -m pytest"), id="pytest-module"),
        pytest.param(written(TEST, "test_a.py", "python -m unittest test_a"), id="unittest"),
        pytest.param(written(JS, "a.spec.ts", "npx vitest run"), id="vitest"),
        pytest.param(written('{"tasks":{"x":"rm -rf /"}}', "deno.json", "deno task x"), id="deno-task"),
        pytest.param(written('{"scripts":{"x":["rm -rf /"]}}', "composer.json", "composer run x"), id="composer"),
        pytest.param(written('require("child_process").execSync("rm -rf /")', "next.config.js", "npx next build"),
                     id="next"),
        pytest.param(written(TEST, "/tmp/p.py", "PYTHONPATH=/tmp pytest -p p"), id="pytest-plugin"),
        pytest.param(written(TEST, "t/conftest.py", "pytest --rootdir t"), id="pytest-rootdir"),
    ],
)  # fmt: skip
def test_what_a_file_makes_a_tool_start_is_judged(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


GUARD = (
    'from guard import check, run\ndef test_a():\n    assert run("rm -rf /").code == 3\n'
    '    assert guard.run("rm -rf /")'
)
CLI = 'subprocess.run([sys.executable, "-m", "guard", "check", "rm -rf /"])'


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(written('message(STATUS "rm -rf /")', "a.cmake", "cmake -P a.cmake"), id="cmake-message"),
        pytest.param(written("add_custom_target(x COMMAND rm -rf ${CMAKE_BINARY_DIR})", "a.cmake", "cmake -P a.cmake"),
                     id="cmake-build-folder"),
        pytest.param(written('execute_process(COMMAND ls COMMENT "rm -rf /")', "a.cmake", "cmake -P a.cmake"),
                     id="cmake-comment"),
        pytest.param(written("execute_process(COMMAND rm -rf /)", "a.cmake", "cat a.cmake"), id="cmake-shown"),
        pytest.param(written("rule r\n  description = rm -rf /", "build.ninja", "ninja"), id="ninja-description"),
        pytest.param(written("task c(type: Delete) { delete 'build' }\nprintln 'rm -rf /'", "build.gradle", "gradle c"),
                     id="gradle-printed"),
        pytest.param(written(LOCAL_EXEC, "main.tf", "terraform fmt"), id="terraform-formatted"),
        pytest.param(written("tasks:\n  x:\n    desc: rm -rf /\n    cmds: [ls]", "Taskfile.yml", "task x"),
                     id="task-desc"),
        pytest.param(written("- name: rm -rf /\n  shell: ls", "p.yml", "ansible-playbook p.yml"), id="play-name"),
        pytest.param(written(BLOCK, "other.yml", "ansible-playbook p.yml"), id="another-play"),
        pytest.param(written("[testenv]\ndescription = rm -rf /", "tox.ini", "tox"), id="tox-description"),
        pytest.param(written("# rm -rf /\n@daily ls", "c", "crontab c"), id="crontab-comment"),
        pytest.param(written('int main() { puts("rm -rf /"); }', "a.c", "gcc a.c"), id="c-printed"),
        pytest.param(written(GUARD, "test_g.py", "pytest test_g.py"), id="test-of-a-guard"),
        pytest.param(written(GUARD, "test_g.py", "python -m pytest test_g.py"), id="test-of-a-guard-by-module"),
        pytest.param(written(CLI, "test_g.py", "python -m unittest test_g"), id="test-of-a-command-line"),
        pytest.param(written('expect(run("rm -rf /")).toBe(1)', "a.test.js", "npx jest a.test.js"),
                     id="jest-of-a-guard"),
        pytest.param(written(TEST, "helper.py", "pytest"), id="no-test"),
        pytest.param(written('{"scripts":{"x":["ls"],"y":["rm -rf /"]}}', "composer.json", "composer run x"),
                     id="composer"),
    ],
)  # fmt: skip
def test_what_a_file_only_says_is_not(source: str) -> None:
    assert effects_of(lower(source)) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("x:\n  cmds:\n    - a b\n    - cmd: c d", ["c d", "a b"], id="items"),
        pytest.param("- shell: |\n    a b\n    c\n- name: x", ["a b\nc"], id="block"),
        pytest.param("- ansible.builtin.command: 'a b'", ["a b"], id="quoted"),
        pytest.param('hooks: [{id: x, entry: "a b"}]', ["a b"], id="flow"),
        pytest.param("a: b\nc: [d]", [], id="nothing"),
        pytest.param("", [], id="empty"),
    ],
)
def test_the_commands_of_yaml(text: str, expected: list[str]) -> None:
    assert [line for line in yaml_commands(text) if line] == expected


def test_a_long_file_gives_no_more_lines_than_a_short_one() -> None:
    command = Command((Word("ninja", 0, 5),), 0, 5)

    assert len(build_lines("ninja", command, {"build.ninja": ("rule r\n  command = a\n" * 5_000,)})) == 64
