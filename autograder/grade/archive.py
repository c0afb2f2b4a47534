"""Archives of any make, read entry by entry; nothing of them is written here."""

import contextlib
import gzip
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from functools import partial

from autograder.engine.intake import BYTES, DEPTH, PATH
from autograder.engine.names import shown

ENTRIES = 50_000  # of an archive
RATIO, SLACK = 100, 64 << 20  # bytes that may come of each byte of an archive, and at least
BLOCK = 1 << 20
# What readers of archives raise where one is broken; no support for a way of packing is a RuntimeError.
BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
)


class Refused(ValueError):
    """What cannot be collected; the message says why."""


def entries(path):
    """What an archive holds.

    Returns: iterator of (name, why it is refused or None, bytes it says to have, function that opens it).
    Raises: Refused for an archive of another kind or with too many entries; one of BROKEN, OSError.
    """
    with open(path, "rb") as file:
        if zipfile.is_zipfile(file):
            yield from _in_zip(file)
            return
        file.seek(0)
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with tarfile.open(fileobj=_Careful(gzip.open(file) if packed else file), mode="r:") as tar:
            for number, one in enumerate(tar):
                if number == ENTRIES:
                    raise Refused(f"it holds more than {ENTRIES} files and folders")
                if not one.isdir():
                    wrong = None if one.isreg() else "a link, or no file"
                    yield one.name, wrong, one.size, partial(tar.extractfile, one)


def _in_zip(file):
    file.seek(0)
    last, count = b"", 0
    while block := file.read(BLOCK):  # each entry has this mark, and takes memory as soon as it is known
        count += (last + block).count(b"PK\1\2")
        last = block[-3:]
    if count > ENTRIES:
        raise Refused(f"it holds more than {ENTRIES} files and folders")
    with zipfile.ZipFile(file) as archive:
        for one in archive.infolist():
            name, mode = one.orig_filename, one.external_attr >> 16
            with contextlib.suppress(UnicodeError):  # some write UTF-8 and do not say so
                name = name if one.flag_bits & 0x800 else name.encode("cp437").decode()
            if not name.endswith("/"):
                wrong = None if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "a link, or no file"
                wrong = "encrypted" if one.flag_bits & 1 else wrong
                yield name.replace("\\", "/"), wrong, one.file_size, partial(archive.open, one)


class _Careful:
    """A file of which a reader of tar takes no more at once than an honest archive needs."""

    def __init__(self, file):
        self.file, self.tell = file, file.tell

    def read(self, size):
        if size > BLOCK:
            raise tarfile.ReadError("a part of it is too large")
        return self.file.read(size)

    def seek(self, place):
        if place - self.tell() > RATIO * BYTES:
            raise tarfile.ReadError("a part of it is too large")
        return self.file.seek(place)


def path_of(name):
    """The parts of an entry's path. Raises: Refused where it leads elsewhere, or cannot be shown."""
    parts = name.removeprefix("./").split("/")
    if shown(name) != name:
        raise Refused("its name holds characters that cannot be shown")
    if {"", ".", ".."}.intersection(parts) or re.match("[A-Za-z]:", name):
        raise Refused("its path leads elsewhere")
    if len(parts) > DEPTH or len(os.fsencode(name)) > PATH:
        raise Refused(f"its path may have {PATH} bytes and {DEPTH} folders")
    return parts
