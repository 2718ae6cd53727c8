from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.claude_code.throttle import MAX_THROTTLE_S, check_not_throttled, leave_alone
from axonflow_hooks.errors import RateLimited
from axonflow_hooks.private_files import write_private

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

HERE = "http://127.0.0.1:8080"


def test_an_endpoint_is_left_alone_for_as_long_as_it_asked(paths: Paths) -> None:
    check_not_throttled(paths, HERE)
    leave_alone(paths, HERE, 60)
    with pytest.raises(RateLimited) as raised:
        check_not_throttled(paths, HERE)
    assert 0 < raised.value.retry_after <= 60
    check_not_throttled(paths, "http://127.0.0.1:9090")


def test_never_longer_than_the_limit(paths: Paths) -> None:
    leave_alone(paths, HERE, 1e9)
    with pytest.raises(RateLimited) as raised:
        check_not_throttled(paths, HERE)
    assert raised.value.retry_after <= MAX_THROTTLE_S


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        json.dumps({"endpoint": HERE}).encode(),
        json.dumps({"endpoint": HERE, "until": "soon"}).encode(),
        json.dumps({"endpoint": HERE, "until": time.time() + 10 * MAX_THROTTLE_S}).encode(),
        json.dumps({"endpoint": HERE, "until": time.time() - 1}).encode(),
        b'{"endpoint": "http://127.0.0.1:8080", "until": NaN}',
        b'{"endpoint": "http://127.0.0.1:8080", "until": Infinity}',
    ],
    ids=["empty", "cut off", "a list", "no time", "text", "far too late", "over", "NaN", "Infinity"],
)
def test_a_stamp_that_cannot_be_right_is_ignored(paths: Paths, content: bytes) -> None:
    write_private(paths.throttle_stamp, content)
    check_not_throttled(paths, HERE)


def test_a_stamp_that_others_could_have_written_is_ignored(paths: Paths) -> None:
    leave_alone(paths, HERE, 60)
    paths.throttle_stamp.chmod(0o666)
    check_not_throttled(paths, HERE)
