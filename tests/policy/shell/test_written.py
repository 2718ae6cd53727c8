"""What files hold that a line writes: followed into whoever reads, copies or runs them."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower

DESTROYS = [
    "echo 'rm -rf /' > s; cat s | sh",
    "echo 'rm -rf /' > s; cat ./s - | sh",
    "echo 'rm -rf /' > s; sh -c \"$(cat s)\"",
    "echo 'rm -rf /' > s; eval \"$(<s)\"",
    "echo 'rm -rf /' > a; mv a b; sh b",
    "echo 'rm -rf /' > a; cp a /tmp/b; bash /tmp/b",
    "echo 'rm -rf /' > a; cp a bin/; bin/a",
    "echo 'rm -rf /' > a; ln -s a b; sh ./b",
    "echo 'rm -rf /' > a; install -m755 a b; ./b",
    "echo cm0gLXJmIC8K > a; base64 -d a | sh",
    "echo cm0gLXJmIC8K | base64 -d > b; sh b",
    "echo 'rm -rf /' | cat > b; sh b",
    "{ echo 'rm -rf /'; } > b; sh b",
    "dd of=s <<< 'rm -rf /'; sh s",
    "echo 'xx -rf /' | sed 's/xx/rm/' | sh",
    "sed 's|x|rm|g' <<< 'x -rf /' | sh",
    "cut -d: -f2 <<< 'a:rm -rf /' | sh",
    "echo 'rm -rf /' > s; head -n 1 s | sh",
]
CLEAN = [
    "echo 'rm -rf /' > s; cat s",
    "echo 'rm -rf /' > s; cat s | grep rm | wc -l",
    "echo 'rm -rf /' > a; mv a b; cat b",
    "echo 'rm -rf /' > a.md; git commit -m \"$(cat a.md)\"",
    "echo 'ls' > a; mv a b; sh b",
    "echo 'rm -rf /' > a; sh b",
    "echo 'rm -rf /' | sed 's/rm/ls/' | sh",
    "sed 's/x/rm/' <<< 'x -rf /'",
    "sed -n 's/x/rm/' <<< 'x -rf /' | sh",
    "cut -d: -f1 <<< 'ls:rm -rf /' | sh",
    "cut -c1-3 <<< 'rm -rf /' | sh",
    "cat s | sh",
    "echo hello > s; base64 -d s",
]


@pytest.mark.parametrize("source", DESTROYS)
def test_what_a_file_holds_is_judged_where_it_runs(source: str) -> None:
    assert "destroys_filesystem_root" in effects_of(lower(source))


@pytest.mark.parametrize("source", CLEAN)
def test_what_a_file_holds_is_data_elsewhere(source: str) -> None:
    assert "destroys_filesystem_root" not in effects_of(lower(source))
