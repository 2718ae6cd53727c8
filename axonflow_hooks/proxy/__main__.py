"""`python -m axonflow_hooks.proxy`: the proxy on stdin and stdout."""

from __future__ import annotations

import sys

from axonflow_hooks.proxy.start import main

if __name__ == "__main__":
    sys.exit(main())
