"""Options and subcommands that hand a program code or a command to run."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

DESTROYS = [
    "apt-get -o APT::Update::Pre-Invoke::='rm -rf /' update",
    "hg --config alias.x='!rm -rf /' x",
    "hg --config hooks.pre-status='rm -rf /' status",
    "aws configure set credential_process 'rm -rf /'",
    "python3 -m timeit -s 'import os' 'os.system(\"rm -rf /\")'",
    "rails runner 'system(\"rm -rf /\")'",
    "rake -e 'system(\"rm -rf /\")'",
    "php artisan tinker --execute='system(\"rm -rf /\");'",
    "wp eval 'system(\"rm -rf /\");'",
    'mongosh --eval \'require("child_process").execSync("rm -rf /")\'',
    "bash --rcfile <(echo 'rm -rf /') -i",
    "echo 'rm -rf /' > rc; bash --init-file rc -i",
    "echo 'rm -rf /' > j; at -f j now",
    "fish -C 'rm -rf /'",
    "nu -c 'rm -rf /'",
    "xterm -e 'rm -rf /'",
    "gem open -e 'rm -rf /' rdoc",
    "nano -s 'rm -rf /' x",
    "bazel run --run_under='rm -rf / #' //x",
    "rpm --eval '%(rm -rf /)'",
    "rpm -qa --pipe 'rm -rf /'",
    "emacsclient -e '(shell-command \"rm -rf /\")'",
    "cmake -E remove_directory /home",
    "ansible localhost -m file -a 'path=/home state=absent'",
    "mvn exec:exec -Dexec.executable=rm -Dexec.args='-rf /'",
    "aws ssm send-command --parameters 'commands=[\"rm -rf /\"]'",
    "django-admin shell -c 'import os; os.system(\"rm -rf /\")'",
    "python manage.py shell <<< 'import os; os.system(\"rm -rf /\")'",
    "flask shell <<< 'import os; os.system(\"rm -rf /\")'",
    "iex -e 'File.rm_rf!(\"/home\")'",
]
CLEAN = [
    "apt-get -o Dpkg::Options::=--force-confold install -y curl",
    "hg --config ui.username=me commit -m 'rm -rf /'",
    "hg --config hooks.pre-status=python:x.y status",
    "aws configure set credential_process '/opt/bin/creds --profile x'",
    "python3 -m timeit -s 'x=1' 'x+1'",
    "rails runner 'puts User.count'",
    "php artisan tinker --execute='echo 1;'",
    "mongosh --eval 'db.users.find()' --quiet",
    "bash --rcfile <(echo 'PS1=\"$ \"') -i",
    "bash --rcfile ~/.bashrc -i",
    "echo 'rm -rf /' > j; at -f other now",
    "xterm -e 'npm run dev'",
    "rpm --eval '%{?dist}'",
    "nano -s aspell README.md",
    "cmake -E remove_directory build",
    "ansible web -m file -a 'path=/srv/app/tmp state=absent'",
    "mvn exec:exec -Dexec.executable=java -Dexec.args=-version",
    "aws ssm send-command --parameters 'commands=[\"df -h\"]'",
    "python manage.py shell <<< 'print(User.objects.count())'",
    "python manage.py migrate <<< 'import os; os.system(\"rm -rf /\")'",
]


@pytest.mark.parametrize("source", DESTROYS)
def test_what_an_option_starts_is_judged(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_ordinary_options_are_clean(source: str) -> None:
    assert effects_of(lower(source)) == {}
