"""Published examples of the standards, and the same with one character changed."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.validators import VALIDATORS, Candidate

MRZ = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
TAPROOT = "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"


@pytest.mark.parametrize(
    ("validator", "good", "bad"),
    [
        ("us_routing", "021000021", "021000022"),
        ("us_routing", "121000358", "991000358"),
        ("singapore_uen", "00192200M", "00192200N"),
        ("uk_driving_licence", "MORGA753116SM9IJ", "MORGA793116SM9IJ"),
        ("machine_readable_zone", MRZ, MRZ.replace("C36UTO", "C37UTO")),
        ("base58check", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"),
        ("base58check", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz"),
        ("bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"),
        ("bech32", TAPROOT, TAPROOT[:-1] + "a"),
        ("ethereum", "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe", "0x1111111111111111111111111111111111111111"),
        ("public_ipv4", "93.184.216.34", "10.0.0.1"),
        ("public_ipv4", "8.8.8.8", "8.8.8.888"),
        ("birth_date", "31.12.1979", "31.13.1979"),
        ("birth_date", "1985-04-12", "2085-04-12"),
        ("national:in_.gstin", "27AAPFU0939F1ZV", "27AAPFU0939F1ZO"),
    ],
)  # fmt: skip
def test_checks(validator: str, good: str, bad: str) -> None:
    assert VALIDATORS[validator](Candidate.whole(good))
    assert not VALIDATORS[validator](Candidate.whole(bad))
