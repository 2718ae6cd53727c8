"""What lifts protection, and that only a person can grant it: presence, overrides, approvals (wire 1.4, 1.8)."""
