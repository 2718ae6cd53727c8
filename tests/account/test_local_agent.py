from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.account.local_agent import credential_for, ensure_credential, normalised_endpoint
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import write_private, write_private_json
from axonflow_hooks.recognition import wants_proof

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST.:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "http://localhost:8080"),
        ("http://[::1]:8080/", "http://localhost:8080"),
        ("http://0.0.0.0:8080", "http://localhost:8080"),
        ("http://[::]:8080", "http://localhost:8080"),
        ("http://localhost:8081", "http://localhost:8081"),
        ("http://localhost", "http://localhost:80"),
        ("https://localhost", "https://localhost:443"),
        ("http://Agent.Example:1/path", "http://agent.example:1"),
        ("http://[fd00::1]:8080", "http://[fd00::1]:8080"),
    ],
)
def test_normalised_endpoint(endpoint: str, name: str) -> None:
    assert normalised_endpoint(endpoint) == name


def test_a_credential_is_created_once_and_found_under_every_name_of_this_machine(paths: Paths) -> None:
    assert credential_for(paths, "http://localhost:8080") is None
    created = ensure_credential(paths, "http://127.0.0.1:8080")
    assert created[0] == "local"
    assert len(created[1]) >= 43
    assert ensure_credential(paths, "http://127.0.0.1:8080") == created
    for endpoint in ("http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"):
        assert credential_for(paths, endpoint) == created
    assert stat.S_IMODE(paths.agent_credentials_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.agent_credentials_file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "endpoint",
    ["http://localhost:8081", "https://localhost:8080", "http://agent.example:8080", "http://localhost.example:8080"],
)
def test_no_other_endpoint_gets_it(paths: Paths, endpoint: str) -> None:
    ensure_credential(paths, "http://localhost:8080")
    assert credential_for(paths, endpoint) is None


def old_entry(paths: Paths, endpoint: str) -> None:
    """Write what the first release wrote: a secret that asks for no proof."""
    paths.agent_credentials_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    entry = {"client_id": "local", "client_secret": "s" * 43, "created_at": "2026-01-01T00:00:00Z"}
    write_private_json(paths.agent_credentials_file, {"endpoints": {endpoint: entry, "http://localhost:9": entry}})


def test_a_secret_of_the_first_release_is_not_sent_to_whatever_listens(paths: Paths) -> None:
    old_entry(paths, "http://localhost:8080")
    with pytest.raises(CredentialError, match="earlier release") as refusal:
        credential_for(paths, "http://127.0.0.1:8080")
    assert "agent start" in str(refusal.value.remedy)
    assert "sss" not in str(refusal.value)


def test_an_agent_that_starts_replaces_its_own_old_secret(paths: Paths) -> None:
    old_entry(paths, "http://localhost:8080")
    made = ensure_credential(paths, "http://localhost:8080")
    assert wants_proof(":".join(made).encode())
    assert credential_for(paths, "http://localhost:8080") == made == ensure_credential(paths, "http://localhost:8080")
    with pytest.raises(CredentialError):
        credential_for(paths, "http://localhost:9")


def test_over_https_the_certificate_tells_who_listens(paths: Paths) -> None:
    old_entry(paths, "https://localhost:443")
    assert credential_for(paths, "https://localhost") == ("local", "s" * 43)


def test_a_second_agent_keeps_the_first_ones_entry(paths: Paths) -> None:
    first = ensure_credential(paths, "http://localhost:8080")
    second = ensure_credential(paths, "http://localhost:8081")
    assert first[1] != second[1]
    assert credential_for(paths, "http://localhost:8080") == first
    entry = json.loads(paths.agent_credentials_file.read_bytes())["endpoints"]["http://localhost:8080"]
    assert set(entry) == {"client_id", "client_secret", "created_at"}


@pytest.mark.parametrize(
    "endpoints",
    [
        pytest.param([], id="list"),
        pytest.param({"http://localhost:8080": {"client_id": "local"}}, id="no-secret"),
        pytest.param({"http://localhost:8080": {"client_id": "a:b", "client_secret": "s3cr3t"}}, id="colon-in-id"),
        pytest.param({"http://localhost:8080": {"client_id": "local", "client_secret": "s3cr3t\n"}}, id="line-end"),
    ],
)
def test_a_damaged_file_is_named_without_its_secret_and_kept(paths: Paths, endpoints: object) -> None:
    write_private_json(paths.agent_credentials_file, {"endpoints": endpoints})
    before = paths.agent_credentials_file.read_bytes()
    for question in (credential_for, ensure_credential):
        with pytest.raises(CredentialError) as caught:
            question(paths, "http://localhost:8080")
        assert str(paths.agent_credentials_file) in str(caught.value)
        assert "s3cr3t" not in str(caught.value)
    assert paths.agent_credentials_file.read_bytes() == before


def test_a_file_others_can_read_is_refused(paths: Paths) -> None:
    ensure_credential(paths, "http://localhost:8080")
    paths.agent_credentials_file.chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 600"):
        credential_for(paths, "http://localhost:8080")


def test_a_folder_that_cannot_be_written_is_named(paths: Paths) -> None:
    write_private(paths.config_dir, b"a file where the folder should be")
    with pytest.raises(CredentialError, match=r"agent-credentials\.json"):
        ensure_credential(paths, "http://localhost:8080")


ENSURE = """
import sys
from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.paths import resolve_paths
sys.stdin.readline()
print(ensure_credential(resolve_paths({"HOME": sys.argv[1]}), sys.argv[2])[1])
"""


def test_processes_that_start_together_agree_on_one_secret(paths: Paths) -> None:
    home = str(paths.config_dir.parents[1])
    command = [sys.executable, "-c", ENSURE, home, "http://localhost:8080"]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    secrets = {process.communicate("go\n", timeout=60)[0] for process in started}
    assert len(secrets) == 1
    assert secrets == {ensure_credential(paths, "http://localhost:8080")[1] + "\n"}
