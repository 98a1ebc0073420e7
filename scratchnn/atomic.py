"""Replace a file in one step: whoever opens it finds the old content or the new, never a part.

The new content goes to a temporary file in the same directory, since a rename is atomic within
one file system only. It is synced before the rename, or a crash could leave the new name on
blocks that were never written.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

__all__ = ["replace_file", "status_of_replaceable"]


def replace_file(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes], pieces: Iterable[bytes | memoryview]
) -> None:
    """Write `pieces` one after another to `path`, atomically.

    A symbolic link is followed, so its target is replaced and the link stays. An existing file
    keeps its permissions and, where the system lets it, its owner; a new one obeys the umask.
    Other hard links to the file keep the old content.

    Raises
    ------
    OSError
        Naming `path`: the directory is missing or closed to writing, the file is write-protected
        or not a regular file, the disk is full. The old file is then as it was.
    """
    path = os.fsdecode(path)
    try:
        _replace(os.path.realpath(path), pieces)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error


def _replace(target: str, pieces: Iterable[bytes | memoryview]) -> None:
    old = status_of_replaceable(target)
    directory = os.path.dirname(target)
    temporary = os.path.join(directory, f".scratchnn-{os.urandom(8).hex()}.tmp")
    # With an old file in place the new one stays private until it has that file's permissions.
    descriptor = os.open(
        temporary,
        os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0),
        0o666 if old is None else 0o600,
    )
    try:
        with open(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            if old is not None:
                _copy_ownership(old, descriptor, temporary)
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(directory)


def status_of_replaceable(target: str) -> os.stat_result | None:
    """Return the status of the file to replace, None if there is none; refuse what must stay."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):  # a rename would put a file in the place of /dev/null
        raise OSError(errno.EINVAL, "Not a regular file")
    if not os.access(target, os.W_OK):  # a rename would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return status


def _copy_ownership(old: os.stat_result, descriptor: int, temporary: str) -> None:
    if hasattr(os, "fchown"):
        with suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.chmod(temporary, stat.S_IMODE(old.st_mode))  # after chown, which may clear mode bits


def _sync_directory(directory: str) -> None:
    """Make the rename itself durable, where directories can be opened and synced."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
