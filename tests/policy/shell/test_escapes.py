"""Ways out to the shell of programs that are no shells, and the words that look like them."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

FOUND = [
    "vim -es -c 'silent !rm -rf /' -c q",
    "nvim --headless -c 'call system(\"rm -rf /\")' -c q",
    "nvim --headless +'lua os.execute(\"rm -rf /\")' +q",
    "echo ':!rm -rf /' | ex -s",
    "printf '!rm -rf /\\n' | ed",
    "ed -s <<< '!rm -rf /'",
    "emacs -batch --eval '(delete-directory \"/\" t)'",
    "sed 's/.*/rm -rf \\//e' f",
    "sed 's#.*#rm -rf /#e' f",
    "sed 's|a|rm -rf /|ge' f",
    "echo 'rm -rf /' | sed 's/a/a/e'",
    "echo 'rm -rf /' | sed e",
    "gsed '1erm -rf ~' f",
    "sed -n '$e rm -rf /' f",
    "expect -c 'system \"rm -rf /\"'",
    "socat EXEC:'rm -rf /' -",
    "socat - SYSTEM:'rm -rf /'",
    "ssh -oProxyCommand='rm -rf /' h",
    "scp -o ProxyCommand='rm -rf /' a h:b",
    "scp -S 'rm -rf /' a h:b",
    "ssh -o KnownHostsCommand='rm -rf /' h",
    "dc -e '!rm -rf /'",
    "m4 <<< 'syscmd(rm -rf /)'",
    "bind -x '\"a\":rm -rf /'",
    "complete -C 'rm -rf /' x",
    "split --filter='rm -rf /' x",
    "sort --compress-program='rm -rf /' x",
    "env -S'rm -rf /'",
    "screen -S x -X stuff 'rm -rf /'",
    "tmux new-window rm -rf /",
    "gcc -wrapper 'sh,-c,rm -rf /' x.c",
    "start-stop-daemon --start --exec /bin/rm -- -rf /",
    "sshpass -p x ssh h 'rm -rf /'",
    "xargs -a <(echo /) rm -rf",
    "parallel -a <(echo /) rm -rf",
    "crontab <(echo '* * * * * rm -rf /')",
    "env -C / rm -rf etc",
    "npx rimraf /",
    "npx -y rimraf ~",
    "npm exec -- rimraf /",
    "pnpm dlx rimraf /etc",
    "npx concurrently 'rm -rf /' ls",
    "npm pkg set scripts.postinstall='rm -rf /'",
    "npm config set script-shell 'rm -rf /'",
    "npx cross-env A=b rm -rf /",
    "bb -e '(shell \"rm -rf /\")'",
    "sbcl --eval '(uiop:run-program \"rm -rf /\")'",
    'clojure -M -e \'(clojure.java.shell/sh "rm" "-rf" "/")\'',
    "redis-cli --eval /dev/stdin <<< 'os.execute(\"rm -rf /\")'",
    'awk \'BEGIN { print "rm -rf /" | "/bin/sh" }\'',
    'perl -e \'open(my $p, "-|", "rm -rf /")\'',
    "perl -e 'open(P, \"rm -rf /|\")'",
    "perl -e 'print qx{rm -rf /home}'",
]
CLEAN = [
    "vim -c ':%s/foo/bar/g' -c wq f",
    "vim +'/rm -rf' notes.md",
    "nvim --headless '+Lazy! sync' +qa",
    "sed -e 's/rm -rf \\//safe/g' f",
    "sed 's/edge/e/' f",
    "sed 's/.*/date/e' x",
    "echo 'rm -rf /' | sed 's/rm/echo/'",
    "ssh -o ProxyCommand='ssh -W %h:%p bastion' h",
    "socat TCP-LISTEN:8080,fork TCP:localhost:80",
    "split --filter='gzip > $FILE.gz' -l 1000 x",
    "env -S 'node --no-warnings' app.js",
    "screen -S build -X stuff 'make test'",
    "tmux send-keys -t dev 'npm test' Enter",
    "xargs -a <(git ls-files '*.orig') rm -f",
    "npx rimraf dist coverage",
    "npm pkg set scripts.clean='rm -rf dist'",
    "npm config set registry https://registry.example.com",
    "start-stop-daemon --start --exec ./server -- --port 80",
    "complete -W 'a b' x",
    "bb -e '(shell \"git status\")'",
    "awk '{ print $2 | \"sort\" }' f",
    'perl -e \'open(my $p, "-|", "git log")\'',
    "perl -e 'print qx{git status}'",
]


@pytest.mark.parametrize("source", FOUND)
def test_found(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_clean(source: str) -> None:
    assert effects_of(lower(source)) == {}
