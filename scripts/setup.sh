# Sourced by ./run and ./test: finds or installs what a task needs.
#
#   require build      compiler, CMake, Ninja, ccache, the two header libraries
#   require tests      Python 3 (its standard library alone)
#   require fuzz       clang with libFuzzer
#   require neon       a compiler for aarch64, and qemu, which runs what it makes
#   require pages      Chromium, which opens the pages
#   require parity     Python's venv, for CPU PyTorch and transformers
#
# Missing packages come from apt, as root or through sudo; each is named with its reason first.

say() { printf '%s\n' "$*" >&2; }
stop() { say "error: $1"; [ $# -lt 2 ] || say "hint: $2"; exit 1; }

has_header() { [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]; }
has_libfuzzer() {
  echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
    clang++ -x c++ -fsanitize=fuzzer,address,undefined - -o /dev/null 2>/dev/null
}
# The package of clang's sanitizer runtimes, where clang does not bring them.
fuzz_runtime() { echo "libclang-rt-$(clang --version | sed -n '1s/.*version \([0-9]*\).*/\1/p')-dev"; }

missing() {  # missing TASK: lines "package reason"
  case $1 in
    build)
      command -v g++ >/dev/null || command -v clang++ >/dev/null || echo "g++ compiles the program"
      command -v cmake >/dev/null || echo "cmake describes the build"
      command -v ninja >/dev/null || echo "ninja-build runs the build"
      command -v ccache >/dev/null || ! can_install || echo "ccache makes the next build short"
      has_header nlohmann/json.hpp || echo "nlohmann-json3-dev reads and writes JSON"
      has_header doctest/doctest.h || echo "doctest-dev runs the unit tests" ;;
    tests)
      command -v python3 >/dev/null || echo "python3 runs the tests of the command line" ;;
    fuzz)
      if ! command -v clang++ >/dev/null; then echo "clang builds the fuzz targets"
      elif ! has_libfuzzer; then echo "$(fuzz_runtime) has the fuzzing runtime"; fi ;;
    neon)
      command -v aarch64-linux-gnu-g++ >/dev/null || echo "g++-aarch64-linux-gnu compiles for aarch64"
      command -v qemu-aarch64 >/dev/null || echo "qemu-user runs what is compiled for aarch64" ;;
    pages)
      command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
        echo "chromium opens the pages" ;;
    parity)
      command -v python3 >/dev/null || echo "python3 runs the reference implementations"
      python3 -c 'import ensurepip, venv' 2>/dev/null || echo "python3-venv keeps PyTorch apart in build/venv" ;;
  esac
}

# As root, or through sudo: without asking, or where there is somebody to ask.
can_install() {
  [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }
}

apt_install() {
  local root=() log=build/apt.log
  can_install || stop "cannot install: $*" "run this as root, or ask for: apt-get install $*"
  [ "$(id -u)" = 0 ] || root=(sudo)
  command -v apt-get >/dev/null || stop "cannot install without apt-get: $*" "install what corresponds to these packages"
  mkdir -p build
  local install=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
  "${install[@]}" >"$log" 2>&1 </dev/null && return
  { "${root[@]}" apt-get update && "${install[@]}"; } >"$log" 2>&1 </dev/null && return
  tail -n 5 "$log" >&2
  stop "apt-get could not install: $*" "the whole log is in $log; on Ubuntu these packages need the universe component"
}

require() {
  local lines round
  for round in 1 2; do  # twice: the fuzzing runtime is known by clang's version, once clang is there
    lines=$(missing "$1")
    [ -n "$lines" ] || return 0
    say "Installing for $1:"
    say "$(sed 's/^/  /; s/ /: /3' <<<"$lines")"
    # shellcheck disable=SC2046
    apt_install $(cut -d ' ' -f 1 <<<"$lines")
  done
  lines=$(missing "$1")
  [ -z "$lines" ] || stop "still missing after the installation: $(cut -d ' ' -f 1 <<<"$lines" | tr '\n' ' ')"
}

# build PRESET [TARGET…]: configures where needed and builds; quiet unless it fails.
build() {
  local preset=$1 log=build/$1.log
  shift
  mkdir -p build
  # A clone elsewhere finds what was compiled here, with precompiled headers too.
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 CCACHE_SLOPPINESS=pch_defines,time_macros
  if ! cmake --preset "$preset" >"$log" 2>&1; then tail -n 20 "$log" >&2; stop "CMake failed" "the whole log is in $log"; fi
  if ! cmake --build "build/$preset" ${1:+--target "$@"} >>"$log" 2>&1; then
    grep -E -A 5 'error|FAILED' "$log" | head -n 40 >&2
    stop "the build failed" "the whole log is in $log"
  fi
}
