"""Archives of any make, read entry by entry; nothing of them is written here."""

import contextlib
import gzip
import lzma
import os
import re
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from functools import partial

from autograder.engine.names import shown
from autograder.grade.walk import BYTES, DEPTH, PATH

ENTRIES = 50_000  # of an archive
RATIO, SLACK = 100, 64 << 20  # bytes that may come of each byte in an archive, and at least
BLOCK = 1 << 20
ZIPS = b"PK\3\4", b"PK\5\6"  # how a zip begins; not how it ends: a tar's last file can be a zip
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
        first = file.read(4)
        file.seek(0)
        if first in ZIPS:
            yield from _in_zip(file)
            return
        packed = first.startswith(b"\x1f\x8b")
        with tarfile.open(fileobj=_Careful(gzip.open(file) if packed else file), mode="r:") as tar:
            for number, one in enumerate(tar):
                if number == ENTRIES:
                    raise Refused(f"it holds more than {ENTRIES} files and folders")
                if not one.isdir():
                    wrong = None if one.isreg() else "it is a link, or no file"
                    yield _plain(one.name), wrong, one.size, partial(tar.extractfile, one)


def _in_zip(file):
    with zipfile.ZipFile(listed := _Listed(file)) as archive:
        listed.is_read = True
        for one in archive.infolist():
            name, mode = one.orig_filename, one.external_attr >> 16
            with contextlib.suppress(UnicodeError):  # some write UTF-8 and do not say so
                name = name if one.flag_bits & 0x800 else name.encode("cp437").decode()
            if name.endswith("/"):
                continue
            wrong = None if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "it is a link, or no file"
            if one.flag_bits & 1:
                wrong = "it is encrypted"
            if one.file_size > max(SLACK, RATIO * one.compress_size):
                wrong = f"with its {one.file_size} bytes there are too many"
            yield _plain(name.replace("\\", "/")), wrong, one.file_size, partial(archive.open, one)


def _plain(name):
    return name.removeprefix("./")


class _Listed:
    """A zip's file. When its list of entries is read, they are counted before each takes memory, and what is
    no UTF-8 in a name that says to be is DEL: else one name makes the whole list unreadable."""

    def __init__(self, file):
        self.file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable
        self.is_read = False

    def read(self, size=-1):
        if not self.is_read and size > SLACK:
            raise Refused(f"its list of files has {size} bytes")
        data = self.file.read(size)
        return data if self.is_read or not data.startswith(b"PK\1\2") else self._mended(bytearray(data))

    @staticmethod
    def _mended(data):
        at = count = 0
        while data[at : at + 4] == b"PK\1\2" and at + 46 <= len(data):
            if (count := count + 1) > ENTRIES:
                raise Refused(f"it holds more than {ENTRIES} files and folders")
            name, *more = struct.unpack_from("<3H", data, at + 28)
            if data[at + 9] & 8:  # it says to be UTF-8
                text = data[at + 46 : at + 46 + name].decode(errors="surrogateescape")
                data[at + 46 : at + 46 + name] = re.sub("[\udc80-\udcff]", "\x7f", text).encode()
            at += 46 + name + sum(more)
        return bytes(data)


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
    parts = name.split("/")
    plain = "".join(" " if unicodedata.category(one) == "Zs" else one for one in name)
    if shown(plain) != plain:
        raise Refused("its name holds characters that cannot be shown")
    if {"", ".", ".."}.intersection(parts):
        raise Refused("its path leads elsewhere")
    if len(parts) > DEPTH or len(os.fsencode(name)) > PATH:
        raise Refused(f"its path may have {PATH} bytes and {DEPTH} folders")
    return parts
