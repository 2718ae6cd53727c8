"""Who controls the machine: each effect on commands that have it and on their harmless neighbours."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

HAVING = {
    "raises_privileges": [
        "chmod u+s /bin/sh",
        "chmod 4755 /tmp/sh",
        "useradd -ou 0 -g 0 eve",
        "usermod -aG docker eve",
        "gpasswd -a eve sudo",
        "docker run --privileged -it alpine",
        "docker run -v /:/mnt alpine sh",
        "setcap cap_setuid=ep ./python",
        "nsenter -t 1 -m sh",
        """kubectl run x --image=y --overrides='{"spec":{"hostPID":true}}'""",
    ],
    "persists": [
        "echo ssh-rsa AAAA >> ~/.ssh/authorized_keys",
        "cp x.service /etc/systemd/system/",
        "cp x.plist ~/Library/LaunchAgents/",
        "mv x.service ~/.config/systemd/user/",
        "echo '* * * * * root x' > /etc/cron.d/x",
        "schtasks /create /tn x /tr y",
    ],
    "changes_login_script": ["echo x >> ~/.bashrc", "tee -a ~/.zshrc < x"],
    "disables_protection": [
        "setenforce 0",
        "ufw disable",
        "iptables -F",
        "iptables -P INPUT ACCEPT",
        "systemctl stop auditd",
        "pkill -9 auditd",
        "auditctl -e 0",
        "spctl --master-disable",
        "csrutil disable",
        "Set-MpPreference -DisableRealtimeMonitoring 1",
    ],
    "disables_governance": [
        "pkill -f axonflow",
        "kill -9 $(pgrep -f axonflow)",
        "systemctl --user stop axonflow",
        "rm -rf ~/.config/axonflow",
        "claude plugin uninstall axonflow",
        "pip uninstall -y axonflow-hooks",
    ],
    "hides_traces": [
        "history -c",
        "rm ~/.bash_history",
        "> ~/.zsh_history",
        "ln -sf /dev/null ~/.bash_history",
        "echo > /var/log/auth.log",
        "cd /var/log && truncate -s 0 syslog",
    ],
}
HARMLESS = [
    "chmod 755 x",
    "chmod +x x",
    "useradd -m app",
    "usermod -s /bin/zsh dev",
    'docker run --rm -v "$PWD":/w alpine ls',
    "cat ~/.ssh/authorized_keys",
    "cp x.service dist/",
    "crontab -l",
    "source ~/.bashrc",
    "getenforce",
    "ufw status",
    "iptables -L -n",
    "systemctl restart nginx",
    "pkill -f 'node server.js'",
    "kill 123",
    "systemctl --user status axonflow",
    "ls ~/.config/axonflow",
    "history | tail",
    "rm app.log",
    "tail -f /var/log/syslog",
    "echo x >> notes.md",
]


@pytest.mark.parametrize(
    ("effect", "source"), [(effect, source) for effect, sources in HAVING.items() for source in sources]
)
def test_commands_that_have_the_effect(effect: str, source: str) -> None:
    assert effect in effects_of(lower(source))


@pytest.mark.parametrize("source", HARMLESS)
def test_commands_that_have_none(source: str) -> None:
    assert HAVING.keys() & effects_of(lower(source)).keys() == set()
