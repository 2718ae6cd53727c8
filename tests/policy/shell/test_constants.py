from __future__ import annotations

import pytest

from axonflow_hooks.policy.shell.constants import output_of
from axonflow_hooks.policy.shell.lower import lower


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("echo a b", "a b"),
        ("echo -n -e 'a\\x62'", "ab"),
        ("printf 'a%s' b", "ab"),
        ("printf '%s' a b", "ab"),
        ("printf '\\x61'", "a"),
        ("echo $unset", None),
        ("echo YQ== | base64 --decode", "a"),
        ("echo 61 | xxd -r -p", "a"),
        ("echo MFRA==== | base32 -d", "ab"),
        ("echo ba | rev", "ab"),
        ("echo nop | tr 'A-Za-z' 'N-ZA-Mn-za-m'", "abc"),
        ("echo xyz | tr xyz abc", "abc"),
        ("echo '!!' | base64 -d | rev", ""),
        ("echo a | base64 -d", None),
        ("cat file | base64 -d", None),
        ("ls", None),
    ],
)
def test_output_of(source: str, output: str | None) -> None:
    assert output_of(lower(source)[-1]) == output
