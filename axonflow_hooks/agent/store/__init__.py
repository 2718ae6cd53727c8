"""What the agent keeps: decisions and the audit trail, in one SQLite database.

`database` opens and checks the file, `writer` commits in batches from one thread, `queries` reads; the tables are those
of `tables` and, what people grant and write, of `grants`, `policies` and `registrations`.
"""
