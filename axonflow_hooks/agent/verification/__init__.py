"""Verifies the audit trail, and the decisions, grants and policies that it commits to; reads, and changes nothing."""
