#!/bin/sh
# Makes .venv from the locked requirements: every package with its hash, wheels only, then this package itself.
set -eu
python=${PYTHON:-python3}

command -v "$python" >/dev/null 2>&1 || {
  echo "setup: there is no $python. Install Python 3.10 or newer, or run: make PYTHON=/path/to/python" >&2
  exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
  echo "setup: $python is $("$python" -V 2>&1); 3.10 or newer is needed. Run: make PYTHON=/path/to/python" >&2
  exit 1
}

rm -rf .venv
if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --python "$python" .venv
  uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes --only-binary :all: \
    -r requirements/dev.txt
  uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
else
  "$python" -m venv .venv || {
    echo "setup: $python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2
    rm -rf .venv
    exit 1
  }
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r requirements/dev.txt
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
