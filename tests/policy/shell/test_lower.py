"""Command lines and the simple commands they run."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.bounds import OutOfBoundsError
from axonflow_hooks.policy.shell.commands import UNKNOWN
from axonflow_hooks.policy.shell.lower import lower


def argvs(source: str) -> list[list[str]]:
    return [[word.text for word in command.argv] for command in lower(source) if command.argv]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("a b 'c d' \"e f\"", [["a", "b", "c d", "e f"]], id="quotes"),
        pytest.param(r"r\m -r\f 'a'\''b'", [["rm", "-rf", "a'b"]], id="backslashes"),
        pytest.param("r''m \"r\"m", [["rm", "rm"]], id="empty-quotes"),
        pytest.param(r"$'\x72\155' $'a\tb' $'\u00e9'", [["rm", "a\tb", "é"]], id="ansi-c"),
        pytest.param("x=rm; y=-rf; $x $y ${x}dir", [["rm", "-rf", "rmdir"]], id="variables"),
        pytest.param("x='a b'; c $x \"$x\"", [["c", "a", "b", "a b"]], id="field-splitting"),
        pytest.param("rm$IFS-rf${IFS}/", [["rm", "-rf", "/"]], id="ifs"),
        pytest.param("rm $HOME ${HOME}/x ~/y", [["rm", "~", "~/x", "~/y"]], id="home"),
        pytest.param("c ${x:-y} ${HOME:-z}", [["c", "y", "~"]], id="defaults"),
        pytest.param("c $unset \"a$unset\"", [["c", UNKNOWN, f"a{UNKNOWN}"]], id="unknown"),
        pytest.param("{rm,-rf,/} a{1,2}", [["rm", "-rf", "/", "a1", "a2"]], id="braces"),
        pytest.param("$(echo rm) -rf", [["echo", "rm"], ["rm", "-rf"]], id="constant-substitution"),
        pytest.param("`echo rm` x", [["echo", "rm"], ["rm", "x"]], id="backquotes"),
        pytest.param("a | b && c || d; e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]], id="lists"),
        pytest.param("(a; b) ; { c; }", [["a"], ["b"], ["c"]], id="groups"),
        pytest.param("if a; then b; else c; fi", [["a"], ["b"], ["c"]], id="if"),
        pytest.param("for i in x y; do a $i; done", [["a", "x"], ["a", "y"]], id="for"),
        pytest.param("while a; do b; done; case x in y) c;; esac", [["a"], ["b"], ["c"]], id="while-case"),
        pytest.param("echo $((1+$(a)))", [["a"], ["echo", UNKNOWN]], id="arithmetic"),
        pytest.param("a > $(b)", [["b"], ["a"]], id="substitution-in-redirect"),
        pytest.param("sudo -u root env A=1 nice -n 5 a b", [
            ["sudo", "-u", "root", "env", "A=1", "nice", "-n", "5", "a", "b"],
            ["env", "A=1", "nice", "-n", "5", "a", "b"], ["nice", "-n", "5", "a", "b"], ["a", "b"],
        ], id="wrappers"),
        pytest.param("timeout -s KILL 5 a", [["timeout", "-s", "KILL", "5", "a"], ["a"]], id="timeout"),
        pytest.param("bash -lc 'a b; c'", [["bash", "-lc", "a b; c"], ["a", "b"], ["c"]], id="bash-c"),
        pytest.param("eval a 'b c'", [["eval", "a", "b c"], ["a", "b", "c"]], id="eval"),
        pytest.param("echo 'a b' | sh", [["echo", "a b"], ["sh"], ["a", "b"]], id="echo-into-shell"),
        pytest.param("printf %s 'a b' | bash -s", [["printf", "%s", "a b"], ["bash", "-s"], ["a", "b"]], id="printf"),
        pytest.param("sh <<'E'\na b\nE", [["sh"], ["a", "b"]], id="heredoc-script"),
        pytest.param("cat <<'E' | sh\na\nE", [["cat"], ["sh"], ["a"]], id="heredoc-through-cat"),
        pytest.param("cat > n.md <<'E'\nrm -rf /\nE", [["cat"]], id="heredoc-prose"),
        pytest.param("cat <<E\n$(a)\nE", [["a"], ["cat"]], id="heredoc-expands"),
        pytest.param("sh <<< 'a b'", [["sh"], ["a", "b"]], id="herestring"),
        pytest.param("echo YQ== | base64 -d | sh", [["echo", "YQ=="], ["base64", "-d"], ["sh"], ["a"]], id="base64"),
        pytest.param("find . -exec a {} \\;", [["find", ".", "-exec", "a", "{}", ";"], ["a", "."]], id="find-exec"),
        pytest.param("echo x y | xargs a", [["echo", "x", "y"], ["xargs", "a"], ["a", "x", "y"]], id="xargs"),
        pytest.param("ls | xargs -I% a %", [["ls"], ["xargs", "-I%", "a", "%"], ["a", "*"]], id="xargs-I"),
        pytest.param("parallel a {} ::: x", [["parallel", "a", "{}", ":::", "x"], ["a", "x"]], id="parallel"),
        pytest.param("ssh -p 22 host 'a; b'", [["ssh", "-p", "22", "host", "a; b"], ["a"], ["b"]], id="ssh"),
        pytest.param("docker exec -it c a", [["docker", "exec", "-it", "c", "a"], ["a"]], id="docker-exec"),
        pytest.param("git commit -m 'rm -rf /'", [["git", "commit", "-m", "rm -rf /"]], id="commit-message"),
        pytest.param("f() { a; }; f", [["a"], ["f"]], id="function"),
        pytest.param("", [], id="empty"),
        pytest.param("# rm -rf /", [], id="comment"),
    ],
)  # fmt: skip
def test_lower(source: str, expected: list[list[str]]) -> None:
    assert argvs(source) == expected


def test_pipelines_redirects_and_places() -> None:
    source = "cat f | sudo tee 2>&1 >> out"

    cat, sudo, tee = lower(source)

    assert [feed.name for feed in tee.feeds] == ["cat"]
    assert [(item.operator, item.target.text, item.fd) for item in tee.redirects] == [
        (">&", "1", "2"),
        (">>", "out", ""),
    ]
    assert source[sudo.start : sudo.end] == "sudo tee"
    assert cat.redirects == ()


def test_the_working_directory_is_followed() -> None:
    assert [command.cwd for command in lower("a; cd /; b")] == [None, None, "/"]


def test_background_and_function_are_noted() -> None:
    inner, outer = lower("f() { f & }; f")

    assert (inner.in_function, inner.background) == ("f", True)
    assert (outer.in_function, outer.background) == ("", False)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("a;" * 40_000, id="too-long"),
        pytest.param("a;" * 6_000, id="too-many-commands"),
        pytest.param("$(" * 200 + "a" + ")" * 200, id="too-deep"),
        pytest.param(
            "a=" + "x" * 60_000 + ";" + "b=$a$a;c=$b$b;d=$c$c;e=$d$d;f=$e$e" + ";echo $f" * 100, id="doubling"
        ),
    ],
)
def test_out_of_bounds(source: str) -> None:
    with pytest.raises(OutOfBoundsError):
        lower(source)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("a | b | c\nrm -rf / && d", id="plain"),
        pytest.param("a | b | c\nrm -rf / && d $x", id="with-a-variable"),
        pytest.param("a | b | c | d 2>&1\n\nrm -rf / || e > f", id="with-redirects"),
        pytest.param("bash -c 'a | b | c\nrm -rf / && d $x'", id="in-a-script"),
    ],
)
def test_a_command_behind_a_long_pipeline_is_no_part_of_it(source: str) -> None:
    assert ["rm", "-rf", "/"] in argvs(source)
