"""Model files put together and taken apart by docs/model_file.md, without the package's own code."""

import json
import struct
import zlib

MAGIC = b"\x89SNN\r\n\x1a\n"


def padded(data):
    return data + bytes(-len(data) % 64)


def build(header, data=b"", *, version=1, checksum=None):
    """A file from its header, JSON-able or bytes, and its data; the checksum is right unless given."""
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    content = padded(MAGIC + struct.pack("<II", version, len(header)) + header) + data
    return content + struct.pack("<I", zlib.crc32(content) if checksum is None else checksum)


def version_of(content):
    """The format version of a file."""
    return struct.unpack_from("<I", content, 8)[0]


def take_apart(content):
    """The header and the data of a file."""
    end = 16 + struct.unpack_from("<I", content, 12)[0]
    return json.loads(content[16:end]), content[end + -end % 64 : -4]
