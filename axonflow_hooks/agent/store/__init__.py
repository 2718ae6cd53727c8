"""What the agent keeps: decisions and the audit trail, in one SQLite database.

`schema` has the tables, `records` the rows as the agent thinks of them, `database` opens and checks the file,
`writer` commits in batches from one thread, `queries` reads.
"""
