"""Commands that git starts because it is configured so."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

FOUND = [
    "git config alias.x '!rm -rf /'",
    "git config --global alias.st '!rm -rf ~'",
    "git config set --global core.editor 'rm -rf /'",
    "git config --global --add core.sshCommand 'sh -c \"rm -rf /\"'",
    "git -c core.fsmonitor='rm -rf /;' status",
    "git -c filter.x.clean='rm -rf /' add .",
    "git -c credential.helper='!rm -rf /' fetch",
    "git -C /tmp -c alias.x='!rm -rf /' x",
    "git clone -c core.sshCommand='rm -rf /' x:y",
    "git clone 'ext::sh -c \"rm% -rf% /\"'",
    "git -c protocol.ext.allow=always clone 'ext::sh -c rm% -rf% /'",
    "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.pager GIT_CONFIG_VALUE_0='rm -rf /' git log",
    "env GIT_CONFIG_KEY_1=alias.x GIT_CONFIG_VALUE_1='!rm -rf /' git x",
    "GIT_CONFIG_PARAMETERS=\"'core.pager=rm -rf /'\" git log",
    "GIT_CONFIG_PARAMETERS=\"'core.fsmonitor'='rm -rf /'\" git status",
    "git submodule foreach 'rm -rf /'",
    "git submodule foreach --recursive rm -rf /",
    "git bisect run rm -rf /",
    "git bisect run sh -c 'rm -rf /'",
    "git grep --open-files-in-pager='rm -rf' x /",
    "git filter-branch --tree-filter 'rm -rf /' HEAD",
    "git grep -O'rm -rf / #' x",
]
CLEAN = [
    "git config alias.st status",
    "git config --global alias.lg 'log --graph --oneline'",
    "git config --get-regexp alias",
    "git config --unset alias.x '!rm -rf /'",
    "git config alias.root '!git rev-parse --show-toplevel'",
    "git config alias.cleanup '!git branch --merged | xargs git branch -d'",
    "git -c core.pager=cat log",
    "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0='rm -rf /' git commit -m x",
    "GIT_CONFIG_KEY_0=core.pager GIT_CONFIG_VALUE_0='less -R' git log",
    "GIT_CONFIG_PARAMETERS=\"'core.pager=cat'\" git log",
    "git -c user.name='rm -rf /' commit -m 'rm -rf /'",
    "git commit -m 'exec rm -rf / and system(\"rm -rf /\")'",
    "git submodule foreach git pull",
    "git bisect run npm test",
    "git config filter.lfs.clean 'git-lfs clean -- %f'",
]


@pytest.mark.parametrize("source", FOUND)
def test_found(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_clean(source: str) -> None:
    assert effects_of(lower(source)) == {}
