"""The audit trail as evidence: chained, signed, verified, pruned by whole signed pieces, exported.

What holds against whom stands in docs/audit.md.
"""
