"""The REST routes of the contract: what a route is (`endpoint`), how it is answered (`dispatch`), and the groups."""
