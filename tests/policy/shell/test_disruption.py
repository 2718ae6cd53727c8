"""Every process ended, the machine stopped, protections and system files changed."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower


@pytest.mark.parametrize(
    ("source", "effect"),
    [
        ("kill -9 -1", "kills_everything"),
        ("kill -KILL -1", "kills_everything"),
        ("kill -s KILL -- -1", "kills_everything"),
        ("kill -n 9 -1", "kills_everything"),
        ("kill -TERM -- -1", "kills_everything"),
        ("kill -9 1", "kills_everything"),
        ("kill -- -1", "kills_everything"),
        ("killall5 -9", "kills_everything"),
        ("pkill -9 -u $USER", "kills_everything"),
        ("killall -u dev", "kills_everything"),
        ("loginctl terminate-user dev", "kills_everything"),
        ("python3 -c 'import os; os.kill(-1, 9)'", "kills_everything"),
        ("shutdown -h now", "stops_machine"),
        ("sudo reboot", "stops_machine"),
        ("systemctl poweroff", "stops_machine"),
        ("systemctl isolate rescue.target", "stops_machine"),
        ("init 0", "stops_machine"),
        ("crontab -r", "stops_machine"),
        ("crontab -u root -ir", "stops_machine"),
        ("chattr -i /etc/passwd", "disables_protection"),
        ("chattr -R +i /etc", "disables_protection"),
        ("iptables -t nat -F", "disables_protection"),
        ("ip6tables -F INPUT", "disables_protection"),
        ("rmmod apparmor", "disables_protection"),
        ("modprobe -r nf_tables", "disables_protection"),
        ("aa-teardown", "disables_protection"),
        ("sysctl -w kernel.randomize_va_space=0", "disables_protection"),
        ("launchctl unload /Library/LaunchDaemons/com.crowdstrike.falcond.plist", "disables_protection"),
        ("history -cw", "hides_traces"),
        ("passwd -d root", "raises_privileges"),
        ("echo root:x | chpasswd", "raises_privileges"),
        ("echo x >> ~/.ssh/rc", "persists"),
        ("sed -n 'w /etc/passwd' x", "overwrites_system_file"),
        ("truncate -s 0 /boot/vmlinuz", "overwrites_system_file"),
        ("chgrp -R users /usr", "makes_world_writable_root"),
        ("chown -R nobody:nobody /etc", "makes_world_writable_root"),
        ("shred -u ~/.ssh/id_rsa", "destroys_filesystem_root"),
        ("kubectl get ns -o name | xargs kubectl delete", "destroys_infrastructure"),
        ("kubectl scale deploy --all --replicas=0", "destroys_infrastructure"),
        ("docker volume rm $(docker volume ls -q)", "destroys_infrastructure"),
        ("oc delete project prod", "destroys_infrastructure"),
        ("hcloud server delete x", "destroys_infrastructure"),
    ],
)
def test_found(source: str, effect: str) -> None:
    assert effect in effects_of(lower(source))


@pytest.mark.parametrize(
    "source",
    [
        "kill -9 12345",
        "kill -1 4242",
        "kill -l",
        "kill -0 1",
        "kill -- -4242",
        "kill -HUP 1234",
        "kill $(pgrep -f vite)",
        "pkill -f 'vite dev'",
        "pkill -u dev node",
        "killall node",
        "shutdown --help",
        "shutdown -c",
        "poweroff -w",
        "./halt.sh",
        "init_db --fresh",
        "killall_old.sh -u dev",
        "systemctl restart nginx",
        "systemctl status reboot.target",
        "crontab -l",
        "crontab jobs.txt",
        "chattr +i ./config.lock",
        "lsattr /etc/passwd",
        "iptables -L INPUT",
        "sysctl kernel.randomize_va_space",
        "modprobe nf_tables",
        "launchctl list",
        "history 10",
        "chown -R dev:dev .",
        "chown -R www-data /var/www/app",
        "chgrp -R dev ./shared",
        "docker volume rm test_pgdata",
        "kubectl get ns -o name | xargs echo",
        "kubectl scale deploy web --replicas=0",
    ],
)
def test_clean(source: str) -> None:
    assert effects_of(lower(source)) == {}
