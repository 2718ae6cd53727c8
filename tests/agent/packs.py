"""Packs that several tests of the agent use."""

from __future__ import annotations

from typing import Final

ZEBRA: Final = """
group = "config"
[[policy]]
id = "pack_zebra"
name = "Zebra"
description = "It says zebra."
category = "security-admin"
severity = "high"
action = { request = "block" }
match = [{ pattern = 'zebra' }]
flag = ["zebra"]
clean = ["x"]
"""
