"""Effects on who controls the machine: privileges, persistence, and what watches over it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import HOME
from axonflow_hooks.policy.shell.constants import input_of
from axonflow_hooks.policy.shell.finders import find_writes
from axonflow_hooks.policy.shell.hooked import HISTORY
from axonflow_hooks.policy.shell.places import normalise

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command

_SETUID_MODE: Final = re.compile(r"^(?:0?[4567][0-7]{3}|[ugoa]*[ua]?[+=][rwxXt]*s[rwxXst]*)$")
_ADMIN_GROUPS: Final = frozenset({"sudo", "wheel", "root", "admin", "docker", "adm", "lxd", "disk"})
_HOST_NAMESPACES: Final = re.compile(r"\"(?:hostPID|hostNetwork|privileged)\"\s*:\s*true")
_CAPABILITIES: Final = re.compile(r"cap_(?:setuid|setgid|sys_admin|sys_ptrace|dac_override|all)|=ep$")
_UNITS: Final = re.compile(
    r"^/etc/(?:cron(?:tab$|\.(?:d|hourly|daily|weekly|monthly)/)|rc\.local$|init\.d/|profile\.d/|systemd/system/|"
    r"xdg/autostart/|update-motd\.d/)|^/(?:usr/)?lib/systemd/system/|^/var/spool/cron/|^/Library/Launch(?:Agents|"
    r"Daemons)/|"
    r"^~/Library/LaunchAgents/|^~/\.config/(?:systemd/user|autostart)/"
)
_KEYS: Final = re.compile(r"(?:^|/)\.ssh/(?:authorized_keys2?|rc)$")
_LOGIN: Final = re.compile(r"(?:^|/)\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zprofile|zshenv)$")
_GUARDS: Final = frozenset({
    "auditd", "apparmor", "ufw", "firewalld", "fail2ban", "falco", "crowdstrike", "falcon-sensor", "clamav-daemon",
    "osqueryd", "rsyslog", "syslog-ng", "wazuh-agent", "sysmon", "nftables", "iptables", "selinux", "clamd",
    "clamav-freshclam", "mdatp", "sentinelone", "sentinelagent", "suricata", "tetragon", "cbagentd", "nf_tables",
    "ip_tables", "windefend", "mpssvc",
})  # fmt: skip
_SYSTEM: Final = ("/etc/", "/boot/", "/usr/")
_GUARD_NAMES: Final = re.compile(
    r"(?i)crowdstrike|falcon|sentinel(?:one|agent)|carbonblack|osquery|wazuh|clamav|\bsanta\b|littlesnitch|defender|jamf"
)
_TRACES: Final = re.compile(
    r"(?:^|/)\.(?:bash|zsh)_history$|^/var/log/(?:\*|(?:auth|secure|wtmp|audit|syslog|messages)\b)"
)
_OURS: Final = re.compile(r"axonflow", re.IGNORECASE)
_OUR_FILES: Final = re.compile(r"(?:^|/)(?:\.config/axonflow|\.claude/plugins/[^ ]*axonflow)", re.IGNORECASE)


PRIVILEGES: Final = frozenset({
    "chmod", "install", "setcap", "passwd", "chpasswd", "useradd", "usermod", "adduser", "nsenter", "docker", "podman",
    "gpasswd", "kubectl",
})  # fmt: skip
WRITERS: Final = frozenset({"find", "cp", "mv", "install", "ln", "rsync", "tee", "dd", "sed"})
GOVERNORS: Final = frozenset({
    "pkill", "killall", "kill", "systemctl", "launchctl", "service", "claude", "pip", "pip3", "uv", "pipx", "rm",
    "mv", "truncate", "shred", "unlink",
})  # fmt: skip
TRACERS: Final = frozenset({"unset", "history", "ln", "rm", "shred", "truncate", "unlink", "journalctl"})


def written_places(command: Command) -> list[str]:
    """Give the files a command writes: its redirects, the targets of tee, cp, mv, install, ln, dd and sed -i."""
    targets = [redirect.target.text for redirect in command.redirects if redirect.writes]
    operands = command.operands()
    if command.name in ("cp", "mv", "install", "ln", "rsync"):
        targets += operands[-1:]
        if len(operands) > 1:
            # the last one may be a directory that the others go into
            targets += [f"{operands[-1]}/{source.rstrip('/').rsplit('/', 1)[-1]}" for source in operands[:-1]]
    elif command.name == "tee":
        targets += operands
    elif command.name == "dd":
        targets += [argument[3:] for argument in command.arguments if argument.startswith("of=")]
    elif command.name == "sed" and command.has_option("i", "in-place"):
        targets += operands[1:]
    targets += find_writes(command)
    return [normalise(target, command.cwd) for target in targets]


def raises_privileges(command: Command) -> bool:
    """A program made to run as another user, an account with the rights of root, a container that owns the host."""
    operands, arguments = command.operands(), command.arguments
    if command.name == "chmod":
        return len(operands) > 1 and _SETUID_MODE.match(operands[0]) is not None and "s" not in operands[0][:1]
    if command.name == "install":
        modes = [value for option, value in pairwise(arguments) if option in ("-m", "--mode")]
        modes += [argument[2:] for argument in arguments if argument.startswith("-m")]
        modes += [argument[7:] for argument in arguments if argument.startswith("--mode=")]
        return any(map(_SETUID_MODE.match, modes))
    if command.name == "passwd":
        return command.has_option("d", "delete") and "root" in operands
    if command.name == "chpasswd":
        return (input_of(command) or "").startswith("root:")
    if command.name == "setcap":
        return any(_CAPABILITIES.search(argument) for argument in arguments)
    if command.name in ("useradd", "usermod", "adduser"):
        pairs = set(pairwise(arguments))
        groups = [value for option, value in pairs if option in ("-G", "-aG", "--groups", "-Ga")]
        admin = any(_ADMIN_GROUPS & set(group.split(",")) for group in groups)
        return admin or any(value == "0" and re.match(r"^(?:-\w*u|--uid)$", option) for option, value in pairs)
    if command.name == "gpasswd":
        return bool(_ADMIN_GROUPS & set(operands)) and command.has_option("aM", "add")
    if command.name == "nsenter":
        return ("-t", "1") in set(pairwise(arguments)) or "--target=1" in arguments
    if command.name in ("docker", "podman") and "run" in arguments:
        if {"--privileged", "--pid=host", "--cap-add=ALL", "--cap-add=SYS_ADMIN"} & set(arguments):
            return True
        return any(re.match(r"^(?:--volume=|-v)?/:/", argument) or "source=/," in argument for argument in arguments)
    if command.name == "kubectl":
        return any(_HOST_NAMESPACES.search(argument) for argument in arguments)
    return False


def persists(command: Command) -> bool:
    """A key that opens the machine, a job or service that starts again by itself, installed."""
    places = written_places(command)
    if any(_KEYS.search(place) or _UNITS.search(place) for place in places):
        return True
    if command.name == "schtasks":
        return any(argument.lower() == "/create" for argument in command.arguments)
    if command.name == "reg":
        return "add" in (a.lower() for a in command.arguments) and any(
            re.search(r"(?i)currentversion.{0,2}run", argument) for argument in command.arguments
        )
    return False


def changes_login_script(command: Command) -> bool:
    """A start-up file of the user's shell written."""
    if not command.mentions(".bash", ".profile", ".z"):
        return False
    return any(_LOGIN.search(place) and (place.startswith((HOME, "/")) or "/" not in place)
               for place in written_places(command))  # fmt: skip


def disables_protection(command: Command) -> bool:
    """Firewall, audit, mandatory access control or virus scanner switched off."""
    search = _PROTECTED_BY.get(command.name)
    return search is not None and search(command)


def _opens_firewall(command: Command) -> bool:
    arguments = command.arguments
    if command.name == "ufw":
        return "disable" in arguments or "reset" in arguments
    if command.name == "netsh":
        return "advfirewall" in arguments and "off" in arguments
    opens = "ACCEPT" in arguments and bool({"-P", "--policy"} & set(arguments))
    return opens or command.operands()[:2] == ["flush", "ruleset"] or bool({"-F", "--flush"} & set(arguments))


def _stops_guard(command: Command) -> bool:
    name, arguments = command.name, command.arguments
    if name in ("pkill", "killall"):
        return any(argument in _GUARDS for argument in arguments)
    if name in ("rmmod", "modprobe"):
        return (name == "rmmod" or command.has_option("r", "remove")) and bool(_GUARDS & set(arguments))
    if name in ("launchctl", "sc", "stop-service"):
        verbs = {"unload", "bootout", "remove", "disable", "stop", "delete"} & set(arguments)
        return bool(verbs or name == "stop-service") and any(
            _GUARD_NAMES.search(word) or word.lower() in _GUARDS for word in arguments
        )
    stops = bool({"stop", "disable", "mask"} & set(arguments))
    return stops and any(argument.removesuffix(".service") in _GUARDS for argument in arguments)


def _unlocks_system_file(command: Command) -> bool:
    system = any(f"{normalise(path, command.cwd)}/".startswith(_SYSTEM) for path in command.operands())
    return system and any(re.match(r"^[-+=]\w*[ia]", argument) for argument in command.arguments)


def _switches_off(command: Command) -> bool:
    name, arguments = command.name, command.arguments
    if name == "setenforce":
        return "0" in arguments or "Permissive" in arguments
    if name == "sysctl":
        return "kernel.randomize_va_space=0" in arguments
    if name == "auditctl":
        return "-D" in arguments or ("-e", "0") in set(pairwise(arguments))
    if name == "set-mppreference":
        return any("disable" in argument.lower() for argument in arguments)
    if name == "spctl":
        return bool({"--master-disable", "--global-disable"} & set(arguments))
    return name in ("aa-teardown", "aa-disable") or (name == "csrutil" and "disable" in arguments)


_PROTECTED_BY: Final = {
    **dict.fromkeys(("ufw", "iptables", "ip6tables", "nft", "netsh"), _opens_firewall),
    **dict.fromkeys(("systemctl", "service", "pkill", "killall", "rmmod", "modprobe", "launchctl"), _stops_guard),
    **dict.fromkeys(("sc", "stop-service"), _stops_guard),
    **dict.fromkeys(("setenforce", "auditctl", "set-mppreference", "csrutil", "spctl", "sysctl"), _switches_off),
    **dict.fromkeys(("aa-teardown", "aa-disable"), _switches_off),
    "chattr": _unlocks_system_file,
}
PROTECTORS: Final = frozenset(_PROTECTED_BY)


def disables_governance(command: Command) -> bool:
    """The governance of this agent stopped, uninstalled or pointed elsewhere."""
    name, arguments = command.name, command.arguments
    if name in ("pkill", "killall"):
        return any(_OURS.search(argument) for argument in arguments)
    if name == "kill":
        sources = (source for word in command.argv for source in word.sources)
        return any(_OURS.search(argument) for source in sources for argument in source.arguments)
    if name in ("systemctl", "launchctl", "service"):
        stops = {"stop", "disable", "mask", "kill", "unload", "bootout", "remove"} & set(arguments)
        return bool(stops) and any(_OURS.search(argument) for argument in arguments)
    if name == "claude" and "plugin" in arguments:
        acts = {"disable", "uninstall", "remove", "rm"} & set(arguments)
        return bool(acts) and any(_OURS.search(argument) for argument in arguments)
    if name in ("pip", "pip3", "uv", "pipx") and "uninstall" in arguments:
        return any(_OURS.search(argument) for argument in arguments)
    if name in ("rm", "mv", "truncate", "shred", "unlink"):
        return any(_OUR_FILES.search(normalise(path, command.cwd)) for path in command.operands())
    return False


def hides_traces(command: Command) -> bool:
    """Shell history or system logs erased."""
    name, arguments = command.name, command.arguments
    if any(command.assignments.get(variable) in values for variable, values in HISTORY.items()):
        return True
    if name == "unset":
        return "HISTFILE" in arguments
    if any(item.operator in (">", ">|") and _TRACES.search(normalise(item.target.text)) for item in command.redirects):
        return True
    if name == "history":
        return command.has_option("c")
    if name == "ln":
        return "/dev/null" in arguments and any(_TRACES.search(normalise(path)) for path in command.operands()[-1:])
    if name in ("rm", "shred", "truncate", "unlink"):
        places = [normalise(path, command.cwd) for path in command.operands()]
        return any(_TRACES.search(place)
                   for place in places)  # fmt: skip
    return name == "journalctl" and any(argument.startswith("--vacuum") for argument in arguments)
