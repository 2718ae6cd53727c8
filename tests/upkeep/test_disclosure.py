from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.private_files import write_private
from axonflow_hooks.settings import COMMUNITY_SAAS_ENDPOINT, Settings
from axonflow_hooks.upkeep.disclosure import take_disclosure

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

SAAS = Settings(mode="community-saas", endpoint=COMMUNITY_SAAS_ENDPOINT)


def test_it_is_shown_once_and_tells_what_and_how_to_opt_out(paths: Paths) -> None:
    text = take_disclosure(SAAS, paths)
    assert text is not None
    for part in (
        COMMUNITY_SAAS_ENDPOINT,
        "arguments",
        "output",
        "not for production",
        "personal",
        "AXONFLOW_ENDPOINT",
        "AXONFLOW_COMMUNITY_SAAS=0",
        "AXONFLOW_TELEMETRY=off",
    ):
        assert part in text
    assert take_disclosure(SAAS, paths) is None
    paths.disclosure_stamp.unlink()
    assert take_disclosure(SAAS, paths) == text


def test_of_sessions_that_start_together_one_shows_it(paths: Paths) -> None:
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: take_disclosure(SAAS, paths), range(32)))
    assert len([text for text in texts if text]) == 1


@pytest.mark.parametrize("mode", ["self-hosted", "unconfigured"])
def test_other_modes_have_nothing_to_disclose(paths: Paths, mode: Any) -> None:
    assert take_disclosure(Settings(mode=mode, endpoint="http://localhost:8080"), paths) is None
    assert not paths.disclosure_stamp.exists()


def test_where_no_stamp_can_be_kept_it_is_shown_each_time(paths: Paths) -> None:
    write_private(paths.cache_dir, b"a file where the folder should be")
    assert take_disclosure(SAAS, paths)
    assert take_disclosure(SAAS, paths)
