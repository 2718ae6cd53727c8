"""Effects on what others depend on: cloud resources, clusters, databases, published packages, git history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import UNKNOWN

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command

_DRY: Final = frozenset(
    {"--dry-run", "--dryrun", "--dry-run=client", "--dry-run=server", "--help", "-help", "-h", "--what-if"}
)
_AWS_DESTROYS: Final = re.compile(
    r"^(?:terminate-instances|delete-(?:db-(?:instance|cluster|snapshot)|bucket|stack|table|cluster|vpc|volume|"
    r"snapshot|"
    r"file-system|hosted-zone|user-pool|function|secret|key|domain|repository|user|role|log-group|nodegroup|queue|"
    r"topic|backup-vault|recovery-point|vault|cache-cluster|replication-group|"
    r"file-cache|distribution|rest-api|api|state-machine|stream|delivery-stream|organization|workspace|environment|"
    r"application|service|cluster-snapshot|global-table|global-cluster|network-interface|subnet|internet-gateway|"
    r"load-balancer|auto-scaling-group|launch-template|identity-pool|secret)|close-account|terminate-workspaces|"
    r"terminate-environment|terminate-job-flows|schedule-key-deletion|remove-permission|deregister-image)$"
)
_AZ_GROUPS: Final = frozenset({"group", "vm", "aks", "sql", "storage", "keyvault", "cosmosdb", "webapp", "functionapp",
                               "postgres", "mysql", "redis", "disk", "acr", "network", "ad"})  # fmt: skip
_KUBE_KINDS: Final = re.compile(
    r"^(?:ns|namespaces?|projects?|pvc?|persistentvolume(?:claim)?s?|crds?|customresourcedefinitions?|nodes?|clusterrole\w*|all|"
    r"deploy(?:ments?)?|statefulsets?|sts)(?:[./].*)?$"
)
_HOSTS: Final[dict[str, frozenset[str]]] = {
    "heroku": frozenset({"apps:destroy", "pg:reset", "addons:destroy"}),
    "flyctl": frozenset({"destroy"}),
    "fly": frozenset({"destroy"}),
    "vercel": frozenset({"rm", "remove"}),
    "netlify": frozenset({"sites:delete"}),
    "doctl": frozenset({"delete"}),
    "pulumi": frozenset({"destroy"}),
    "cdk": frozenset({"destroy"}),
    "sls": frozenset({"remove"}),
    "serverless": frozenset({"remove"}),
    "eksctl": frozenset({"delete"}),
    "kops": frozenset({"delete"}),
    "vagrant": frozenset({"destroy"}),
    "supabase": frozenset({"reset"}),
    "railway": frozenset({"delete", "down"}),
}
_VALUED: Final = frozenset({
    "--profile", "--region", "--output", "--endpoint-url", "--query", "--namespace", "-n", "--context", "--kubeconfig",
    "--cluster", "--kube-context", "--project", "--zone", "--account", "--configuration", "--subscription", "-chdir",
    "--user", "--server", "-s", "--token", "-H", "--header", "-X", "--method", "--hostname", "-R", "--repo",
})  # fmt: skip
# stores of what services need to start, and the words with which all of it goes
_STORES: Final[dict[str, re.Pattern[str]]] = {
    "consul": re.compile(r"\bkv delete\b.*-recurse|\bkv delete -recurse"),
    "etcdctl": re.compile(r"\bdel\b.*--(?:prefix|from-key)"),
    "vault": re.compile(r"\bsecrets disable\b|\bkv metadata delete\b|\boperator seal\b"),
    "rabbitmqctl": re.compile(r"\b(?:force_)?reset\b|\bdelete_vhost\b"),
    "kafka-topics": re.compile(r"--delete\b"),
    "kafka-topics.sh": re.compile(r"--delete\b"),
    "linode-cli": re.compile(r"\bdelete\b"),
    "hcloud": re.compile(r"\bdelete\b"),
    "scw": re.compile(r"\b(?:delete|terminate)\b"),
    "oci": re.compile(r"\b(?:delete|terminate)\b"),
    "ibmcloud": re.compile(r"\b(?:[a-z-]+-)?delete\b"),
    "aliyun": re.compile(r"\bDelete[A-Z]\w+"),
    "wrangler": re.compile(r"\bdelete\b"),
    "nomad": re.compile(r"\b(?:job )?stop\b.*-purge|\bsystem gc\b"),
}
PLATFORMS: Final = frozenset({
    "terraform", "tofu", "terragrunt", "aws", "gcloud", "bq", "gsutil", "az", "kubectl", "oc", "k", "helm", "gh",
    "glab", "docker", "podman", *_HOSTS, *_STORES,
})  # fmt: skip
DATABASES: Final = frozenset({
    "dropdb", "dropuser", "redis-cli", "valkey-cli", "mongo", "mongosh", "mysqladmin", "rails", "rake", "bundle",
    "prisma", "npx", "pnpm", "yarn", "bunx", "manage.py", "django-admin", "python", "php", "artisan", "uv", "poetry",
    "curl", "http", "xh",
})  # fmt: skip
REGISTRIES: Final = frozenset({"npm", "pnpm", "yarn", "cargo", "gem", "gh"})
_DROPPING_TASKS: Final = frozenset({"db:drop", "db:reset", "db:purge", "db:drop:all", "schema:drop", "db:wipe"})
_ALL_INDEXES: Final = re.compile(r"^(?:https?://)?[\w.@:-]+/(?:_all|\*|_data_stream/\*)(?:\?.*)?$")
_ERASING_COMMANDS: Final = re.compile(r"(?i)^(?:flushall|flushdb)$")
_DROPS: Final = re.compile(
    r"(?i)\bdropDatabase\s*\(|\.drop\(\s*\)|\bdeleteMany\(\s*\{\s*\}\s*\)|\bremove\(\s*\{\s*\}\s*\)"
)
_PROTECTED: Final = re.compile(
    r"^\+?(?:refs/heads/)?(?:[^:]*:)?(?:refs/heads/)?(?:main|master|develop|trunk|release[\w/.-]*|production)$"
)


def destroys_infrastructure(command: Command) -> bool:
    """Cloud resources, clusters, deployments or whole projects deleted."""
    name, arguments = command.name, command.arguments
    if _DRY & set(arguments):
        return False
    operands = _words(command)
    if name in ("terraform", "tofu", "terragrunt"):
        verbs = operands[:1] if name != "terragrunt" else operands[:3]
        return (
            "destroy" in verbs
            or (verbs[:1] == ["apply"] and "-destroy" in arguments)
            or (operands[:2] == ["state", "rm"])
        )
    if name == "aws":
        return _aws(command, operands)
    if name in ("gcloud", "bq", "gsutil"):
        return _google(name, operands, command)
    if name == "az":
        return operands[:1] != [] and operands[0] in _AZ_GROUPS and ("delete" in operands or "purge" in operands)
    if name in ("docker", "podman"):
        volumes = operands[:2] == ["volume", "prune"] and command.has_option("a", "all")
        listed = operands[:2] == ["volume", "rm"] and UNKNOWN in operands
        return volumes or listed or (operands[:2] == ["system", "prune"] and "--volumes" in arguments)
    if name in ("kubectl", "oc", "k"):
        return _cluster(operands, command)
    if name == "helm":
        return operands[:1] == ["uninstall"] or operands[:1] == ["delete"]
    if name in ("gh", "glab"):
        deletes = "DELETE" in arguments or "-XDELETE" in arguments or "--method=DELETE" in arguments
        whole = any(re.match(r"^/?(?:repos|projects)/[^/]+(?:/[^/]+)?$", word) for word in operands)
        return operands[:2] == ["repo", "delete"] or (operands[:1] == ["api"] and deletes and whole)
    if name in _STORES:
        return _STORES[name].search(" ".join(arguments)) is not None
    return bool(_HOSTS.get(name, frozenset()) & set(operands[:3]))


def _words(command: Command) -> list[str]:
    """Give the operands without the values of the options that stand before the verb."""
    words: list[str] = []
    value = False
    for argument in command.arguments:
        if value:
            value = False
        elif argument.startswith("-"):
            value = argument in _VALUED
        else:
            words.append(argument)
    return words


def _aws(command: Command, operands: list[str]) -> bool:
    if operands[:1] == ["s3"]:
        whole = "--recursive" in command.arguments or "--force" in command.arguments or "--delete" in command.arguments
        return operands[1:2] in (["rb"], ["rm"], ["sync"]) and whole
    return len(operands) > 1 and any(_AWS_DESTROYS.match(word) for word in operands[1:3])


def _google(name: str, operands: list[str], command: Command) -> bool:
    if name == "bq":
        return operands[:1] == ["rm"] and command.has_option("rf")
    if name == "gcloud" and operands[:1] == ["storage"] and "rm" in operands[:2]:
        return command.has_option("rR", "recursive")
    if name == "gsutil":
        return ("rm" in operands or "rb" in operands) and command.has_option("rR")
    return "delete" in operands[:5] and bool(
        {"projects", "instances", "clusters", "databases", "buckets", "services", "secrets", "disks", "functions"}
        & set(operands)
    )


def _cluster(operands: list[str], command: Command) -> bool:
    if operands[:1] == ["drain"]:
        return command.has_option("", "force", "delete-emptydir-data")
    if operands[:1] == ["scale"]:
        return "--all" in command.arguments and "--replicas=0" in command.arguments
    if operands[:1] != ["delete"]:
        return False
    if UNKNOWN in operands:
        listed = [word for feed in command.feeds if feed.name in ("kubectl", "oc", "k") for word in feed.operands()]
        return any(map(_KUBE_KINDS.match, listed[1:2]))
    kinds = [kind for word in operands[1:2] for kind in word.split(",")]
    return "--all" in command.arguments or "-A" in command.arguments or any(map(_KUBE_KINDS.match, kinds))


def destroys_database(command: Command) -> bool:
    """A database dropped or emptied by its own client or by a migration tool."""
    name, arguments, operands = command.name, command.arguments, command.operands()
    if name in ("dropdb", "dropuser"):
        return bool(operands)
    if name in ("redis-cli", "valkey-cli"):
        return _ERASING_COMMANDS.match(_redis_command(arguments)) is not None
    if name in ("mongo", "mongosh"):
        return any(map(_DROPS.search, arguments))
    if name == "mysqladmin":
        return "drop" in operands
    if name in ("rails", "rake", "bundle", "bin/rails"):
        return bool(_DROPPING_TASKS & set(operands))
    if name in ("prisma", "npx", "pnpm", "yarn", "bunx"):
        forced = "push" in operands and "--force-reset" in arguments
        return forced or ("migrate" in operands and "reset" in operands) or bool(_DROPPING_TASKS & set(operands))
    if name in ("curl", "http", "xh"):
        deletes = "DELETE" in arguments or "-XDELETE" in arguments or "--request=DELETE" in arguments
        return deletes and any(_ALL_INDEXES.search(argument) for argument in arguments)
    if "manage.py" in " ".join(operands[:1]) or name in ("manage.py", "django-admin"):
        return "flush" in operands or "reset_db" in operands
    return "artisan" in (name, *operands[:1]) and bool({"migrate:fresh", "migrate:reset", "db:wipe"} & set(operands))


def _redis_command(arguments: tuple[str, ...]) -> str:
    words = list(arguments)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-h", "-p", "-a", "-n", "-u", "-s", "-i", "-r", "--user", "--pass") and words:
            words.pop(0)
    return words[0] if words else ""


def rewrites_history(command: Command) -> bool:
    """Published git history rewritten or thrown away: forced pushes, filters over all commits, the reflog expired."""
    if command.name != "git":
        return False
    words = _git_words(command)
    if not words or _DRY & set(words):
        return False
    verb, rest = words[0], words[1:]
    if verb in ("filter-branch", "filter-repo"):
        return True
    if verb == "push":
        return _push(rest)
    if verb == "reflog":
        return "expire" in rest and any(word.startswith("--expire=") or word == "--all" for word in rest)
    return verb == "update-ref" and "-d" in rest


def _push(rest: list[str]) -> bool:
    targets = [word for word in rest if not word.startswith("-")][1:]
    protected = any(map(_PROTECTED.match, targets))
    if "--mirror" in rest or "--prune" in rest:
        return True
    deletes = "--delete" in rest or "-d" in rest or any(word.startswith(":") for word in targets)
    forced = "--force" in rest or "-f" in rest or any(re.match(r"^-[a-zA-Z]*f", word) for word in rest)
    if any(word.startswith("+") for word in targets):
        forced = True
    return (deletes and protected) or (forced and (protected or not targets))


def discards_work(command: Command) -> bool:
    """Work that is in no commit thrown away: reset --hard, clean -f, checkout of everything."""
    words = _git_words(command) if command.name == "git" else []
    if not words or _DRY & set(words):
        return False
    verb, rest = words[0], words[1:]
    if verb == "reset":
        return "--hard" in rest
    if verb == "clean":
        return "-n" not in rest and any(re.match(r"^-[a-zA-Z]*f|^--force", word) for word in rest)
    if verb in ("checkout", "restore"):
        return rest[-1:] == ["."]
    if verb == "stash":
        return rest[:1] in (["drop"], ["clear"])
    return verb == "branch" and "-D" in rest


def _git_words(command: Command) -> list[str]:
    words = list(command.arguments)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-C", "-c", "--git-dir", "--work-tree", "--namespace") and words:
            words.pop(0)
    return words


def unpublishes(command: Command) -> bool:
    """A published package or release withdrawn, on which others build."""
    operands = command.operands()
    if _DRY & set(command.arguments):
        return False
    if command.name in ("npm", "pnpm", "yarn"):
        return "unpublish" in operands
    if command.name == "cargo":
        return operands[:1] == ["yank"]
    if command.name == "gem":
        return operands[:1] == ["yank"]
    return command.name == "gh" and operands[:2] == ["release", "delete"]
