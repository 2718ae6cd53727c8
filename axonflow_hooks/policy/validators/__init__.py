"""The checks that a pattern's match must pass, by the names that packs use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators import (
    accounts,
    addresses,
    assignments,
    contact,
    identity,
    mentions,
    numbers,
    paths,
    persona,
    sql,
    sql_statements,
    tokens,
    vendor_tokens,
)
from axonflow_hooks.policy.validators.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VALIDATORS", "Candidate"]

VALIDATORS: Final[dict[str, Callable[[Candidate], bool]]] = {
    "payment_card": numbers.payment_card,
    "payment_card_part": numbers.payment_card_part,
    "us_ssn": numbers.us_ssn,
    "us_itin": numbers.us_itin,
    "aadhaar": numbers.aadhaar,
    "indian_pan": numbers.indian_pan,
    "singapore_id": numbers.singapore_id,
    "iban": numbers.iban,
    **{f"national:{standard}": numbers.national(standard) for standard in numbers.NATIONAL},
    "japanese_my_number": identity.japanese_my_number,
    "taiwan_id": identity.taiwan_id,
    "hong_kong_id": identity.hong_kong_id,
    "australian_medicare": identity.australian_medicare,
    "russian_snils": identity.russian_snils,
    "us_npi": identity.us_npi,
    "record_number": identity.record_number,
    "mexican_rfc": numbers.mexican_rfc,
    "phone": contact.phone,
    "email": contact.email,
    "public_ipv4": contact.public_ipv4,
    "birth_date": contact.birth_date,
    "us_routing": accounts.us_routing,
    "singapore_uen": accounts.singapore_uen,
    "account_digits": accounts.account_digits,
    "uk_driving_licence": accounts.uk_driving_licence,
    "machine_readable_zone": accounts.machine_readable_zone,
    "base58check": accounts.base58check,
    "bech32": accounts.bech32,
    "ethereum": accounts.ethereum,
    "metadata_url": addresses.metadata_url,
    "internal_url": addresses.internal_url,
    "attack_path": paths.attack_path,
    "credential_path": paths.credential_path,
    "random_token": tokens.random_token,
    "structured_token": vendor_tokens.structured_token,
    "any_token": vendor_tokens.any_token,
    "mixed_token": vendor_tokens.mixed_token,
    "keyed_token": vendor_tokens.keyed_token,
    "prefixed_token": vendor_tokens.prefixed_token,
    "checksummed_token": vendor_tokens.checksummed_token,
    "basic_credentials": vendor_tokens.basic_credentials,
    "atlassian_token": vendor_tokens.atlassian_token,
    "not_documented": tokens.not_documented,
    "aws_secret": tokens.aws_secret,
    "documented_aws_secret": tokens.documented_aws_secret,
    "json_web_token": tokens.json_web_token,
    "connection_password": tokens.connection_password,
    "assigned_secret": assignments.assigned_secret,
    "assigned_password": assignments.assigned_password,
    "assigned_word": assignments.assigned_word,
    "not_quoted": mentions.not_quoted,
    "limitless_persona": persona.limitless_persona,
    "sql_fragment": sql.fragment,
    "sql_continuation": sql.continuation,
    "sql_statement": sql_statements.at_statement,
    "sql_unbounded": sql_statements.unbounded_change,
    "sql_constants": sql.comparison_of_constants,
}
