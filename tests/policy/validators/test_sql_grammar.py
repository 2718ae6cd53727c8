from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.policy.validators import VALIDATORS, Candidate
from axonflow_hooks.policy.validators.sql_tokens import tokens

continues = VALIDATORS["sql_continuation"]


@pytest.mark.parametrize(
    "value",
    [
        "' or 1=1 --",
        "') or ('x'='x",
        '" or ""="',
        "1 and 2-2=0",
        "1) or (1)=(1)",
        "x' order by 3#",
        "x'; drop table users; --",
        "-1 or exists(select 1 from t)",
        "' || (select pass from users) || '",
        "1; if exists (select 1) shutdown",
        "or true=true",
        "%27%20or%201%3d1%20--",
        "x\u2019 or 1=1 --",
        "1 /*!or*/ 1=1",
        "1 or 5 between 1 and 9",
    ],
)
def test_values_that_go_on_with_sql(value: str) -> None:
    assert continues(Candidate.whole(value))


@pytest.mark.parametrize(
    "value",
    [
        "O'Brien or O'Neill",
        "it's 5 o'clock -- time to go",
        "rock 'n' roll and blues",
        'the "best" of 1 and 2',
        "a = 1 or b = 2",
        "C# and F# or VB",
        "see section 3; then read on",
        "don't select from the menu",
        "price < 100 and size > 3",
        "SELECT a FROM t WHERE b = 1 OR 1 = 1",
        "5 or 6",
        "name@example.com",
        "",
        "x" * 5000 + "' or 1=1 --",
    ],
)
def test_values_that_do_not(value: str) -> None:
    assert not continues(Candidate.whole(value))


@given(st.text(alphabet="'\"`-#/*;()=<>|&orandselctunif 01@\\%\n", max_size=200))
def test_no_text_is_an_error_or_takes_long(text: str) -> None:
    continues(Candidate.whole(text))
    found = tokens(text)
    assert found is None or len(found) <= len(text) + 1
