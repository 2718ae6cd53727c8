"""The plugin on the real Claude Code: its command line, headless, with a scripted model and the real agent.

`versions` gets the releases, `scripted_model` stands in for the Messages API, `desk` runs a session, `agents` are the
agents that govern it, `scenario` names what a test shows and where a release differs. `report` writes the table.
"""
