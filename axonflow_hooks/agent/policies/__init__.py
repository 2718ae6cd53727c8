"""The policies of the agent: built-in ones, the user's packs, and what was written over REST.

`live` gives the policies that are in use, `compiling` makes a set of them, `static` has the pattern policies of a
tenant and the overrides of built-in ones, `rules`, `operators`, `facts` and `evaluation` the dynamic policies,
`applied` what they do to a verdict, `changes` writes, `catalogue` lists.
"""
