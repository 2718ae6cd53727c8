"""Programs that start what their arguments say: found in all of them, and nowhere in words that are only words."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.commands import Command, Word
from axonflow_hooks.policy.shell.effects import PROGRAMS, effects_of
from axonflow_hooks.policy.shell.launchers import launched, starts_nothing
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.unwrap import SPECIAL, WRAPPERS, unwrap

STARTS = [
    "env -S 'rm -rf /'",
    "pkexec rm -rf /",
    "runuser -u root -- rm -rf /",
    "sg docker -c 'rm -rf /'",
    "systemd-run rm -rf /",
    "script -qc 'rm -rf /' /dev/null",
    "screen -dmS x rm -rf /",
    "tmux new-session -d 'rm -rf /'",
    "vim -c ':!rm -rf /' -c q",
    "git -c core.pager='rm -rf /' log",
    "git -c alias.x='!rm -rf /' x",
    "man -P 'rm -rf /' ls",
    "less +'!rm -rf /' x",
    "tar cf /dev/null x --checkpoint=1 --checkpoint-action=exec='rm -rf /'",
    "gdb -batch -ex '!rm -rf /'",
    "sed '1e rm -rf /' x",
    "gdb -nx -ex 'shell rm -rf /'",
    "emacs --batch --eval '(shell-command \"rm -rf /\")'",
    "expect -c 'spawn rm -rf /'",
    "ansible all -a 'rm -rf /'",
    "salt '*' cmd.run 'rm -rf /'",
    "pdsh -w h1 rm -rf /",
    "vagrant ssh -c 'rm -rf /'",
    "fakeroot rm -rf /",
    "poetry run rm -rf /",
    "conda run -n x rm -rf /",
    "aws-vault exec prod -- rm -rf /",
    "npx -c 'rm -rf /'",
    "nobody-listed-this rm -rf /",
    "ls | entr -s 'rm -rf /'",
    "nodemon --exec 'rm -rf /'",
    "coproc rm -rf /",
    "PAGER='rm -rf /' git log",
    "PROMPT_COMMAND='rm -rf /' bash",
    "EDITOR='rm -rf /' crontab -e",
    "echo 'rm -rf /' | ssh host",
    "ftp -n <<< '!rm -rf /'",
    "mysql -e '\\! rm -rf /'",
    "nix-shell --run 'rm -rf /'",
    "tcpdump -i lo -G 1 -w a.pcap -z 'rm -rf /'",
    "wget --use-askpass='rm -rf /' https://example.test/f",
    "go test -exec 'sh -c \"rm -rf /\"' ./...",
    "go build -toolexec 'rm -rf /' ./...",
    "mysql --pager='rm -rf /' db",
    "ncat --sh-exec 'rm -rf /' -l 99",
    "lldb -o 'platform shell rm -rf /' -o quit",
    "printf '.tables\\n.shell rm -rf /\\n' | sqlite3 a.db",
    'emacs --batch --eval \'(call-process "rm" nil nil nil "-rf" "/")\'',
    "pdflatex --shell-escape '\\immediate\\write18{rm -rf /}'",
    "let 'a[$(rm -rf /)]=1'",
    "test -v 'a[`rm -rf /`]'",
    # code that an interpreter reads, lists, encodes
    "python3 <<< \"import os; os.system('rm -rf /')\"",
    "echo \"import os; os.system('rm -rf /')\" | python3",
    "python3 -c \"import os; os.execvp('rm',['rm','-rf','/'])\"",
    "deno eval \"new Deno.Command('rm',{args:['-rf','/']})\"",
    "python3 -c \"import os,base64; os.system(base64.b64decode('cm0gLXJmIC8=').decode())\"",
    "perl -MFile::Path -e 'remove_tree(\"/home\")'",
    "ruby -rfileutils -e 'FileUtils.rm_rf(\"/\")'",
    'guile -c \'(system* "rm" "-rf" "/")\'',
    "octave-cli --eval 'system(\"rm -rf /\")'",
    "erl -noshell -eval 'os:cmd(\"rm -rf /\").'",
    "scala -e 'import sys.process._; \"rm -rf /\".!'",
    "swift -e 'import Foundation; system(\"rm -rf /\")'",
    "jrunscript -e 'exec(\"rm -rf /\")'",
    "jshell <<< 'Runtime.getRuntime().exec(\"rm -rf /\")'",
    "texlua -e 'os.execute(\"rm -rf /\")'",
    # values
    'a=(rm -rf /); "${a[@]}"',
    'set -- rm -rf /; "$@"',
    "printf -v x '%s' rm; $x -rf /",
    "read x <<< 'rm -rf /'; $x",
    "cat > x.sh <<< 'rm -rf /'; bash x.sh",
    "echo 'rm -rf /' | tee x.sh; sh x.sh",
    "tr a-z b-za <<< 'ql -qe /' | sh",
    "rm -rf ${HOME:?}",
    "pushd / && rm -rf *",
    "rm -rf ../../../../../..",
    "uv run rm -rf /",
    "bundle exec rm -rf /",
    "yarn exec 'rm -rf /'",
    "doppler run --command='rm -rf /'",
    "gcloud compute ssh vm --command 'rm -rf /'",
    "fly ssh console -C 'rm -rf /'",
    "heroku run 'rm -rf /'",
    "autossh -M 0 h 'rm -rf /'",
    "ssh -F <(echo 'ProxyCommand rm -rf /') h",
    "gpg --photo-viewer 'rm -rf /' --list-keys",
    "compgen -C 'rm -rf /'",
    "sudo -s <<< 'rm -rf /'",
    "\"$BASH\" -c 'rm -rf /'",
    "duckdb -c '.shell rm -rf /'",
]
ONLY_WORDS = [
    "man rm",
    "which rm dd",
    "tldr rm -rf /",
    "apt install rm -rf /",
    "echo rm -rf /",
    "git log --grep 'rm -rf /'",
    "type rm -rf /",
    "claude -p 'rm -rf /'",
    "vim -c 'set nu' x",
    "ansible all -m ping",
    "tmux new -s dev 'npm run dev'",
    "tar czf a.tgz rm",
    "python3 -c \"print('rm -rf /x')\"",
    "poetry run pytest",
    "conda run -n x python t.py",
    "PAGER='less -R' git log",
    "python3 - <<'E'\nprint('hello')\nE",
    "logger 'rm -rf /'",
    "tcpdump -i lo -w a.pcap -C 10 -z 'xz -9'",
    "mysql --pager='grep -v rm' db",
    "nc -zv localhost 5432",
    "go test -exec 'qemu-aarch64 -L /usr' ./...",
    "sqlite3 a.db <<< '.schema users'",
    "sqlite3 a.db \"insert into t values ('.shell rm -rf /')\"",
    'emacs --batch --eval \'(call-process "make" nil t nil "test")\'',
    "lldb -o 'platform shell ls' -o quit",
    "pdflatex -shell-escape main.tex",
    "erl -noshell -eval 'io:format(\"rm -rf /\"), halt().'",
    "scala -e 'println(\"rm -rf /\")'",
    "swift -e 'print(\"rm -rf /\")'",
    "let 'a[$(wc -l < x)]=1'",
    "test -f 'rm -rf /'",
]


@pytest.mark.parametrize("source", STARTS)
def test_what_is_started_is_found(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", ONLY_WORDS)
def test_words_start_nothing(source: str) -> None:
    assert effects_of(lower(source)) == {}


COMMON = ("ls", "grep", "cd", "mkdir", "echo", "git", "tar", "npm", "docker", "make", "pytest", "awk", "python3", "sed")


@pytest.mark.parametrize("words", ["x", "run rm -rf /", "-c 'x y'", "exec x rm -rf /", "-e 'system(1)' -x '!a' :!b"])
def test_the_first_look_is_right_where_it_says_that_nothing_is_started(words: str) -> None:
    quiet = set()
    for name in (*PROGRAMS, *SPECIAL, *WRAPPERS, *COMMON):
        argv = tuple(Word(text, 0, 1) for text in (name, *words.replace("'", "").split(" ")))
        command = Command(argv, 0, 1)
        if starts_nothing(command):
            quiet.add(name)
            assert [*unwrap(command), *launched(command)] == [], name

    assert quiet >= {"ls", "grep", "cd", "mkdir", "echo"}
    assert not quiet & {"git", "tar", "npm", "docker", "make", "sed", "awk"}
    assert not starts_nothing(Command((Word("echo", 0, 1),), 0, 1, assignments={"PAGER": "rm -rf /"}))
