#!/usr/bin/env bash
# Runs every fuzz target of the preset `fuzz`, SECONDS in all: tests/fuzz/run.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
exec scripts/fuzz.py build/fuzz "${1:-480}"
