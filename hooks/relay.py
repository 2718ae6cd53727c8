"""relay.py EVENT: the script of a hook call. The relay itself is a module, whose compiled form Python keeps."""

import sys

sys.path.insert(0, __file__[: -len("hooks/relay.py")])
from axonflow_hooks.relay import main

main()
