"""Variables and start-up files that make other programs start or load something."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.matching import Haystack
from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.skim import may_have_effects

STARTS = [
    "PROMPT_COMMAND='rm -rf ~'",
    "export PROMPT_COMMAND='rm -rf /'",
    "PAGER='rm -rf ~' man ls",
    "GIT_SSH_COMMAND='sh -c \"rm -rf /\"' git fetch",
    "GIT_EXTERNAL_DIFF='rm -rf / #' git diff",
    "GIT_SEQUENCE_EDITOR='rm -rf /' git rebase -i main",
    "env EDITOR='rm -rf /' git commit",
    "PS1='$(rm -rf ~)' bash -i",
    "PS4='`rm -rf /`' bash -x s",
    "echo 'rm -rf ~' >> ~/.bashrc",
    "SUDO_EDITOR='rm -rf /' sudoedit /etc/hosts",
    "KUBE_EDITOR='sh -c \"rm -rf ~\"' kubectl edit cm x",
    "LESSCLOSE='rm -rf / %s %s' less x.gz",
    "RSYNC_CONNECT_PROG='rm -rf /' rsync rsync://h/m .",
    "CC='rm -rf / #' make",
    "ENV='`rm -rf /`' sh -i",
]
PRELOADS = [
    "LD_PRELOAD=/tmp/x.so ls",
    "export LD_PRELOAD=/tmp/x.so",
    "LD_PRELOAD=/dev/shm/a.so sudo id",
    "env LD_PRELOAD=/tmp/e.so ssh host",
    "sudo LD_AUDIT=/var/tmp/e.so id",
    "DYLD_INSERT_LIBRARIES=/tmp/e.dylib ./app",
    "LD_LIBRARY_PATH=/tmp/x sudo ls",
    "BASH_ENV=/tmp/x.sh bash -c true",
    "PYTHONSTARTUP=/tmp/x.py python3",
    "NODE_OPTIONS='--require /tmp/x.js' npm test",
    "RUBYOPT=-r/tmp/x.rb rake",
    "insmod /tmp/x.ko",
    "git config core.hooksPath /tmp/x",
    "git -c core.hooksPath=/tmp/x commit",
]
CLEAN = [
    "export EDITOR=vim",
    "EDITOR='code --wait' git commit",
    "GIT_EDITOR=: git commit --amend",
    "GIT_SEQUENCE_EDITOR=\"sed -i 's/^pick/squash/'\" git rebase -i HEAD~2",
    "PAGER='less -R' man ls",
    "GIT_SSH_COMMAND='ssh -i ~/.ssh/key -o IdentitiesOnly=yes' git push",
    "export PROMPT_COMMAND='history -a'",
    "PS1='$(git branch --show-current) $ '",
    "LD_LIBRARY_PATH=./lib ./app",
    "LD_LIBRARY_PATH=/tmp/build/lib ./app",
    "LD_PRELOAD=./build/libtrace.so ./app",
    "LD_PRELOAD=/usr/lib/libjemalloc.so.2 ./server",
    "LD_PRELOAD=$(gcc -print-file-name=libasan.so) ./test",
    "BASH_ENV=./ci/env.sh bash run.sh",
    "NODE_OPTIONS='--require ts-node/register' mocha",
    "PYTHONPATH=/tmp/x python3 a.py",
    "git config core.hooksPath .githooks",
    "unset LD_PRELOAD",
    "HISTSIZE=1000 bash",
    "unset FOO",
    "CC='ccache gcc' CXX=clang++ make",
    "SUDO_EDITOR=vim sudoedit /etc/hosts",
    "AWS_PAGER='less -R' aws ec2 describe-instances",
    "FZF_DEFAULT_COMMAND='fd --type f' fzf",
]


@pytest.mark.parametrize("source", STARTS)
def test_commands_in_variables_and_start_up_files(source: str) -> None:
    assert may_have_effects(Haystack(source))
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", PRELOADS)
def test_code_from_where_anyone_may_write(source: str) -> None:
    assert may_have_effects(Haystack(source))
    assert "preloads_code" in effects_of(lower(source))


@pytest.mark.parametrize("source", ["HISTFILE=/dev/null", "export HISTFILE=", "HISTSIZE=0 bash", "unset HISTFILE"])
def test_history_switched_off(source: str) -> None:
    assert may_have_effects(Haystack(source))
    assert "hides_traces" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_ordinary_settings_are_clean(source: str) -> None:
    assert effects_of(lower(source)) == {}


def test_what_a_login_script_only_defines_does_not_run() -> None:
    assert effects_of(lower("echo 'alias x=\"rm -rf /\"' >> ~/.bashrc")).keys() == {"changes_login_script"}
