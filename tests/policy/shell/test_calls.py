"""What inline code of many languages does by its calls, as far as the arguments are constants."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.calls import read_calls
from axonflow_hooks.policy.shell.commands import UNKNOWN


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("import os; os.system('a b')", "a b", id="text"),
        pytest.param("os.system('a ' + 'b' + \" c\")", "a b c", id="joined"),
        pytest.param("c='a b'; os.system(c)", "a b", id="constant"),
        pytest.param("d='/x'; os.system(f'a {d}')", "a /x", id="f-string"),
        pytest.param("os.system('a %s' % 'b')", "a b", id="percent"),
        pytest.param("os.system('a {} {}'.format('b', 'c'))", "a b c", id="format"),
        pytest.param("os.system(' '.join(['a', 'b']))", "a b", id="join"),
        pytest.param("subprocess.run(['a', 'b c'])", "a 'b c'", id="list"),
        pytest.param("subprocess.run('a b'.split())", "a b", id="split"),
        pytest.param("from subprocess import run as r; r(['a','b'])", "a b", id="alias"),
        pytest.param("os.execv('/bin/a', ['a', 'b'])", "/bin/a b", id="execv"),
        pytest.param("os.execlp('a', 'a', 'b')", "a b", id="execlp"),
        pytest.param("os.posix_spawn('/bin/a', ['a','b'], os.environ)", "/bin/a b", id="posix-spawn"),
        pytest.param("os.system(base64.b64decode('YSBi').decode())", "a b", id="base64"),
        pytest.param("exec(b64decode('b3Muc3lzdGVtKCdhIGInKQ=='))", "a b", id="code-in-base64"),
        pytest.param("shutil.rmtree('/x')", "rm -rf -- /x", id="rmtree"),
        pytest.param("from shutil import rmtree as r; r('/x')", "rm -rf -- /x", id="rmtree-alias"),
        pytest.param("shutil.rmtree(os.path.join('/', 'x'))", "rm -rf -- /x", id="path-join"),
        pytest.param("[shutil.rmtree(p) for p in ['/x', '/y']]", "rm -rf -- /y", id="loop-over-list"),
        pytest.param("[p.unlink() for p in pathlib.Path('/').rglob('*')]", "rm -rf -- /", id="rglob"),
        pytest.param("for p in Path.home().rglob('*'): p.unlink()", "rm -rf -- '~'", id="home"),
        pytest.param("for r,d,f in os.walk('/x'):\n for n in f: os.remove(join(r,n))", "rm -rf -- /x/", id="walk"),
        pytest.param("open('/x','w').write('y')", ": > /x", id="open"),
        pytest.param("Path('/x').write_text('y')", "printf %s y > /x", id="write-text"),
        pytest.param("os.kill(-1, 9)", "kill -9 -1", id="kill"),
        pytest.param("require('fs').rmSync('/x', {recursive:true})", "rm -rf -- /x", id="node-rm"),
        pytest.param("require('fs').rmSync(require('os').homedir())", "rm -rf -- '~'", id="node-home"),
        pytest.param("cp.spawn('a', ['b', 'c'])", "a b c", id="node-spawn"),
        pytest.param("cp.exec(Buffer.from('YSBi','base64').toString())", "a b", id="node-base64"),
        pytest.param("const c = 'a '; cp.execSync(`${c}b`)", "a b", id="template"),
        pytest.param("new Deno.Command('a', {args: ['b']}).outputSync()", "a b", id="deno-command"),
        pytest.param("Deno.run({cmd: ['a', 'b']})", "a b", id="deno-run"),
        pytest.param("await Bun.$`a b`", "a b", id="bun"),
        pytest.param("FileUtils.rm_rf '/x'", "rm -rf -- /x", id="ruby-bare"),
        pytest.param("FileUtils.rm_r(%w(/x /y), force: true)", "rm -rf -- /y", id="ruby-words"),
        pytest.param("exec \"a\", \"b\"", "a b", id="ruby-exec"),
        pytest.param("Dir.glob('/x/*').each { |f| File.delete(f) }", "rm -rf -- '/x/*'", id="ruby-each"),
        pytest.param("system(q{a b})", "a b", id="perl-q"),
        pytest.param("my @a=('a','b'); system(@a)", "a b", id="perl-array"),
        pytest.param("unlink glob('/x/*')", "rm -rf -- '/x/*'", id="perl-glob"),
        pytest.param("array_map('unlink', glob('/x/*'));", "rm -rf -- '/x/*'", id="php-map"),
        pytest.param("foreach (glob('/x/*') as $f) unlink($f);", "rm -rf -- '/x/*'", id="php-foreach"),
        pytest.param('$d="/"; exec("a $d");', "a /", id="php-string"),
        pytest.param("os.execute('a ' .. 'b')", "a b", id="lua"),
        pytest.param("unlink('/x', recursive=TRUE)", "rm -rf -- /x", id="r"),
        pytest.param('System.cmd("a", ["b"])', "a b", id="elixir"),
        pytest.param('BEGIN{c="a "; system(c "b")}', "a b", id="awk"),
        pytest.param('BEGIN{c="a b"; c | getline}', "a b", id="awk-getline"),
    ],
)  # fmt: skip
def test_calls(code: str, expected: str) -> None:
    assert expected in list(read_calls(code))


@pytest.mark.parametrize(
    "code",
    [
        "print('a b')",
        "print(json.load(open('a.json'))['x'])",
        "c='a b'; print(c)",
        "l=['/','/x']; l.remove('/')",
        "sys.path.remove('/usr')",
        "[os.remove(f) for f in os.listdir('/x') if f.endswith('.pyc')]",
        "for p in Path('/').rglob('*.pyc'): p.unlink()",
        "new Set(['/']).delete('/')",
        "x = re.compile('a b').search(y)",
        "open('/x')",
    ],
)
def test_what_does_nothing_is_nothing(code: str) -> None:
    assert [line for line in read_calls(code) if UNKNOWN not in line] == []


@pytest.mark.parametrize(
    "part", ["system(", "system(x+", "[", "a=a+a\n", "a a ", "system(`", "for x in y(", "x.each{|f|"]
)
def test_hostile_code_is_read_in_bounded_steps(part: str) -> None:
    lines = list(read_calls("a='x'; os.system('a');" + part * 4000))

    assert len(lines) < 1000
    assert max(map(len, lines), default=0) < 64 * 1024
