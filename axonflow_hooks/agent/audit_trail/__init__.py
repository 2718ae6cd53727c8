"""The audit trail as evidence: chained, signed, pruned by whole signed pieces, exported; `verification` verifies it.

What holds against whom stands in docs/audit.md.
"""
