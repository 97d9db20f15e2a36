#!/usr/bin/env bash
# Holds our sources to .clang-format. Says so and passes where clang-format is not installed, or is not the version
# that the style is written for: versions differ in small things.
#   scripts/check_format.sh          names the files that differ
#   scripts/check_format.sh --fix    formats them
set -euo pipefail
cd "$(dirname "$0")/.."
version=14
format=$(command -v clang-format-$version || command -v clang-format || true)
if [ -z "$format" ]; then echo "clang-format is not installed: formatting is not checked"; exit 0; fi
found=$("$format" --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
if [ "$found" != $version ]; then echo "clang-format is $found, not $version: formatting is not checked"; exit 0; fi

mapfile -t files < <(git ls-files 'src/*.h' 'src/*.cpp' 'examples/*.cpp' 'tests/*.cpp' | grep -v '/generated/')
if [ "${1-}" = --fix ]; then "$format" -i "${files[@]}"; exit 0; fi
differ=0
for file in "${files[@]}"; do
  if ! "$format" --dry-run -Werror "$file" >/dev/null 2>&1; then echo "$file is not formatted"; differ=$((differ + 1)); fi
done
echo "$((${#files[@]} - differ)) files passed, $differ failed"
[ "$differ" = 0 ]
