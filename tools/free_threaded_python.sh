#!/usr/bin/env bash
# Make free-threaded CPython 3.13, which Debian has no package of, from Debian's source package, and print where it is.
#
#   tools/free_threaded_python.sh plain     by the system's compiler: 7 minutes, once
#   tools/free_threaded_python.sh tsan      by clang-19 with ThreadSanitizer: 16 minutes, once
#
# An interpreter of one's own may stand in for the first: FREE_THREADED_PYTHON=python3.14t.
set -euo pipefail
source "$(dirname "$0")/debian.sh"

CACHE=${SCRATCHNN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/scratchnn}/free-threaded
RELEASE=trixie PACKAGE=python3.13
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

# The source as apt gets and checks it, from a release of which this machine's own lists know nothing.
source_archive() {
    local apt=$CACHE/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    echo "deb-src [signed-by=$KEYS] $(mirror) $RELEASE main" > "$apt/sources.list"
    printf '%s\n' "Dir::Etc::sourcelist \"$apt/sources.list\";" 'Dir::Etc::sourceparts "-";' \
        "Dir::State::lists \"$apt/lists\";" "Dir::Cache \"$apt\";" 'APT::Sandbox::User "root";' > "$apt/configuration"
    APT_CONFIG=$apt/configuration apt-get update -q > "$apt/log"
    (cd "$apt" && APT_CONFIG=$apt/configuration apt-get source -q --download-only $PACKAGE >> "$apt/log" 2>&1)
    ls "$apt/$PACKAGE"_*.orig.tar.xz
}

# make_python KIND OPTIONS: of the standard library, what the tests and pip need; one's own tests are left out.
make_python() {
    local kind=$1 work=$CACHE/build-$1
    shift
    rm -rf "$work" "$CACHE/$kind.new"
    mkdir -p "$work"
    tar -xf "$(source_archive)" -C "$work" --strip-components=1
    (
        cd "$work"
        ./configure --prefix="$CACHE/$kind" --disable-gil --disable-test-modules --with-ensurepip=install "$@"
        nice -n 5 make -j"$(nproc)"
        nice -n 5 make install
    ) > "$CACHE/$kind.log" 2>&1 || { tail -20 "$CACHE/$kind.log" >&2; exit 1; }
    touch "$CACHE/$kind/complete"
    rm -rf "$work"
}

kind=${1:-}
case $kind in
    plain) options=(OPT="-O2 -DNDEBUG") ;;
    tsan) options=(CC=clang-19 OPT="-O1 -g1 -DNDEBUG" --with-thread-sanitizer) ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
mkdir -p "$CACHE"
for header in openssl/ssl.h zlib.h ffi.h; do
    echo "#include <$header>" | cc -E - > /dev/null 2>&1 ||
        { echo "Missing: $header, which apt-get install libssl-dev zlib1g-dev libffi-dev brings" >&2; exit 1; }
done
[ -e "$CACHE/$kind/complete" ] || make_python "$kind" "${options[@]}"
echo "$CACHE/$kind/bin/python3"
