"""What is stored: `schema` has the tables, `records` the rows as the agent thinks of them, `statements` writes them."""
