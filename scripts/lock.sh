#!/bin/sh
# Renews requirements/plugin.txt (what the plugin installs for itself) and requirements/dev.txt (what make setup does).
set -eu
compile() {
  uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-header --no-annotate pyproject.toml "$@"
}
compile --extra agent --output-file requirements/plugin.txt
compile --all-extras --group dev --constraint requirements/plugin.txt --output-file requirements/dev.txt
