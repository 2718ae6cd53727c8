"""The settings of the store, and what is told of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from axonflow_hooks.agent.store.options import DATABASE_URL, KEY_DIR, RETENTION_DAYS, StoreOptions, store_options
from axonflow_hooks.agent.store.postgresql import create
from axonflow_hooks.errors import AxonFlowError, SettingsError

SECRET = "s3cret" + "-pa55"


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        pytest.param({}, StoreOptions(), id="none"),
        pytest.param({DATABASE_URL: " ", KEY_DIR: "", RETENTION_DAYS: " "}, StoreOptions(), id="empty"),
        pytest.param({RETENTION_DAYS: "90"}, StoreOptions(retention_days=90), id="days"),
        pytest.param({RETENTION_DAYS: "000000001234"}, StoreOptions(retention_days=1234), id="days after zeros"),
        pytest.param({KEY_DIR: "/srv/keys"}, StoreOptions(key_dir=Path("/srv/keys")), id="keys"),
        pytest.param(
            {DATABASE_URL: "postgres://u@h/d"}, StoreOptions(database_url="postgresql+psycopg://u@h/d"), id="url"
        ),
        pytest.param(
            {DATABASE_URL: "postgresql://u@h/d"}, StoreOptions(database_url="postgresql+psycopg://u@h/d"), id="long url"
        ),
    ],
)
def test_settings_become_options(environ: dict[str, str], options: StoreOptions) -> None:
    assert store_options(environ) == options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((RETENTION_DAYS, value) for value in ("0", "-1", "1.5", "ten", "99999", "9" * 5000, "٣")),
        (KEY_DIR, "keys"),
        (KEY_DIR, "~nobody-has-this-name/keys"),
        (DATABASE_URL, f"mysql://u:{SECRET}@h/d"),
        (DATABASE_URL, SECRET),
    ],
)
def test_a_wrong_setting_is_named_without_a_secret(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        store_options({name: value})
    assert name in str(raised.value)
    assert SECRET not in str(raised.value)
    assert raised.value.remedy


@pytest.mark.parametrize("rest", [f"u:{SECRET}@h:port/d", f"u:{SECRET}@[::1/d"])
def test_a_url_that_cannot_be_read_is_not_quoted(rest: str) -> None:
    with pytest.raises(AxonFlowError) as raised:
        create(store_options({DATABASE_URL: f"postgresql://{rest}"}).database_url, 1)
    assert DATABASE_URL in str(raised.value)
    assert SECRET not in str(raised.value)


def test_options_are_printed_without_the_url() -> None:
    assert SECRET not in repr(store_options({DATABASE_URL: f"postgresql://u:{SECRET}@h/d"}))
