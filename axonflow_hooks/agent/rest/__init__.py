"""The REST routes of the contract: what a route is, the groups of routes, and the document that describes them."""
