# Small Debians in directories, for the commands that source this. Needs root, debootstrap, and a mirror of Debian.

CERTIFICATES=/etc/ssl/certs/ca-certificates.crt

# The mirror that apt uses here.
mirror() { apt-get indextargets --format '$(REPO_URI)' | grep -m 1 '/debian/'; }

# enter ROOT COMMAND: run a command in a tree, with /proc, and unmount that whatever happens.
enter() {
    local root=$1 status=0
    shift
    mount --bind /proc "$root/proc"
    chroot "$root" /bin/bash -ec "$*" || status=$?
    umount "$root/proc"
    return $status
}

# debian ROOT SUITE PACKAGES [ARCHITECTURE]: a small Debian that trusts whom this machine trusts.
debian() {
    local root=$1 suite=$2 packages=$3 script=
    # A debootstrap older than the suite takes the instructions for unstable.
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=sid
    # What was interrupted may have left /proc in it.
    ! mountpoint -q "$root/proc" || umount "$root/proc"
    rm -rf "$root"
    debootstrap --variant=minbase ${4:+"--arch=$4"} --include="$packages" "$suite" "$root" "$(mirror)" $script > "$root.log"
    cp -L "$CERTIFICATES" "$root$CERTIFICATES"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '[global]\ncert = %s\ndisable-pip-version-check = true\nroot-user-action = ignore\n' "$CERTIFICATES" \
        > "$root/etc/pip.conf"
}
