"""Compound files (MS-CFB), the folders and streams that a .msg is made of: read within bounds, and written."""

import struct
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice

from oxmsg.storage import Storage, Stream

from connectors.mime.sniff import OLE

END, FAT_SECTOR, NOTHING = 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
STORAGE, STREAM, ROOT = 1, 2, 5
ENTRY = struct.Struct("<64sHBBIII16sIQQIQ")  # section 2.6.1
SMALL = 4096  # a shorter stream lies in the mini stream, in sectors of 64 bytes
MINI = 64
DEPTH = 50  # folders in each other; a message in a message adds two
HEADER_SECTORS = 109
SECTOR = 4096  # as written: a file of such sectors needs no further lists of its FAT up to 457 MB


class CompoundError(ValueError):
    """The file is no compound file, or lies past a limit; `flag` says which."""

    def __init__(self, flag: str = "unreadable") -> None:
        super().__init__(flag)
        self.flag = flag


def read(data: bytes, *, entries: int) -> Storage:
    """The whole tree, in time linear in `data`: at most `entries` folders and streams, together no longer than it.

    Raises CompoundError and struct.error.
    """
    return _Reader(data, entries).tree()


class _Reader:
    def __init__(self, data: bytes, entries: int) -> None:
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if not data.startswith(OLE) or shift not in (9, 12) or mini_shift != 6:
            raise CompoundError
        self._data = data
        self._size = 1 << shift
        self._count = (len(data) - 1) // self._size
        self._left = len(data)
        self._fat = self._table(self._fat_sectors())
        directory, minifat = struct.unpack_from("<I8xI", data, 48)
        self._entries = self._directory(directory, entries)
        self._minifat = self._table(list(self._chain(minifat, self._fat)) if minifat < self._count else [])
        _, _, _, _, start, size = self._entries[0]
        self._mini = self._stream(start, size, self._data, self._fat, self._size, skip=self._size)
        self._seen: set[int] = set()

    def tree(self) -> Storage:
        return self._storage(0, "", 0)

    def _fat_sectors(self) -> list[int]:
        """Sections 2.2 and 2.5: 109 numbers in the header, more in a chain of sectors."""
        listed = list(struct.unpack_from(f"<{HEADER_SECTORS}I", self._data, 76))
        following = struct.unpack_from("<I", self._data, 68)[0]
        seen: set[int] = set()
        while following < self._count and following not in seen:
            seen.add(following)
            *more, following = struct.unpack(f"<{self._size // 4}I", self._sector(following))
            listed += more
        # Sectors that the file does not have need no entry in its table.
        return list(dict.fromkeys(n for n in listed if n < self._count))[: 4 * self._count // self._size + 1]

    def _table(self, sectors: Sequence[int]) -> "array[int]":
        return array("I", b"".join(self._sector(number) for number in sectors))

    def _sector(self, number: int) -> bytes:
        if number >= self._count:
            raise CompoundError
        return self._data[(number + 1) * self._size : (number + 2) * self._size].ljust(self._size, b"\x00")

    def _chain(self, number: int, table: "array[int]") -> Iterator[int]:
        for _ in range(len(table)):
            if number >= len(table):
                break
            yield number
            number = table[number]

    def _directory(self, start: int, most: int) -> list[tuple[str, int, tuple[int, int], int, int, int]]:
        found = []
        for sector in self._chain(start, self._fat):
            for name, length, kind, _, left, right, child, *_, first, size in ENTRY.iter_unpack(
                self._sector(sector)
            ):
                label = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
                # Files of small sectors have rubbish in the upper half of the size (section 2.6.3).
                found.append((label, kind, (left, right), child, first, size & 0xFFFFFFFF))
            if len(found) > most + self._size // ENTRY.size:
                raise CompoundError("archive_entries")
        if not found or found[0][1] != ROOT:
            raise CompoundError
        return found

    def _storage(self, number: int, path: str, depth: int) -> Storage:
        if depth > DEPTH:
            raise CompoundError("archive_depth")
        streams, storages = [], []
        for kid in self._kids(self._entries[number][3]):
            name, kind, _, _, start, size = self._entries[kid]
            inner = f"{path}/{name}" if path else name
            if "/" in name:
                raise CompoundError
            if kind == STREAM:
                streams.append(Stream(inner, self._content(start, size)))
            elif kind == STORAGE:
                storages.append(self._storage(kid, inner, depth + 1))
        return Storage(path, tuple(streams), tuple(storages))

    def _kids(self, top: int) -> list[int]:
        """The entries of a folder in their order: its tree from left to right, whatever shape it has."""
        ordered: list[int] = []
        waiting: list[int] = []
        current = top
        while waiting or current < len(self._entries):
            while current < len(self._entries):
                if current in self._seen:
                    raise CompoundError
                self._seen.add(current)
                waiting.append(current)
                current = self._entries[current][2][0]
            current = waiting.pop()
            ordered.append(current)
            current = self._entries[current][2][1]
        return ordered

    def _content(self, start: int, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            # More than the file holds: its streams lie over each other.
            raise CompoundError("decompression_limit")
        if size < SMALL:
            return self._stream(start, size, self._mini, self._minifat, MINI, skip=0)
        return self._stream(start, size, self._data, self._fat, self._size, skip=self._size)

    def _stream(
        self, start: int, size: int, data: bytes, table: "array[int]", sector: int, *, skip: int
    ) -> bytes:
        needed = -(-size // sector)
        places = [skip + number * sector for number in islice(self._chain(start, table), needed)]
        content = b"".join(data[place : place + sector] for place in places)[:size]
        if len(content) < size:
            raise CompoundError
        return content


class _Space:
    """Sectors of one size and the table that chains them."""

    def __init__(self, sector: int) -> None:
        self.sector = sector
        self.content = bytearray()
        self.table: list[int] = []

    def place(self, content: bytes) -> int:
        """The first sector of `content`."""
        if not content:
            return END
        first, count = len(self.table), -(-len(content) // self.sector)
        self.table += [*range(first + 1, first + count), END]
        self.content += content.ljust(count * self.sector, b"\x00")
        return first


def write(root: Storage) -> bytes:
    """A compound file of `root`, which was read from one."""
    large, small = _Space(SECTOR), _Space(MINI)
    entries: list[bytes] = [b""]

    def add(item: Storage | Stream, left: int, right: int) -> int:
        if isinstance(item, Stream):
            start = (small if len(item.bytes_) < SMALL else large).place(item.bytes_)
            entries.append(_entry(item.name, STREAM, left, right, NOTHING, start, len(item.bytes_)))
        else:
            entries.append(_entry(item.name, STORAGE, left, right, kids(item), 0, 0))
        return len(entries) - 1

    def kids(storage: Storage) -> int:
        return branch(sorted((*storage.streams, *storage.storages), key=_order))

    def branch(items: Sequence[Storage | Stream]) -> int:
        """A balanced tree of the entries of a folder: the number of its top (section 2.6.4)."""
        if not items:
            return NOTHING
        middle = len(items) // 2
        return add(items[middle], branch(items[:middle]), branch(items[middle + 1 :]))

    top = kids(root)
    mini = large.place(bytes(small.content))
    entries[0] = _entry("Root Entry", ROOT, NOTHING, NOTHING, top, mini, len(small.content))
    while len(entries) % (SECTOR // ENTRY.size):
        entries.append(ENTRY.pack(b"", 0, 0, 0, *[NOTHING] * 3, b"", 0, 0, 0, 0, 0))
    minifat = large.place(_packed(small.table))
    directory = large.place(b"".join(entries))
    counts = (len(entries) * ENTRY.size // SECTOR, -(-len(small.table) * 4 // SECTOR))
    return _header(large, directory, minifat, counts) + bytes(large.content)


def _header(large: _Space, directory: int, minifat: int, counts: tuple[int, int]) -> bytes:
    """Section 2.2, for a file that has its FAT as its last sectors: they are added to `large`."""
    count = 1
    while count * SECTOR // 4 < len(large.table) + count:
        count += 1
    first = len(large.table)
    own = [first + number for number in range(count)]
    listed = [*own, *[NOTHING] * (HEADER_SECTORS - count)]
    large.content += _packed([*large.table, *[FAT_SECTOR] * count])
    words = struct.pack("<8s16s5H6x", OLE, b"", 0x3E, 4, 0xFFFE, 12, 6)
    words += struct.pack("<9I", counts[0], count, directory, 0, SMALL, minifat, counts[1], END, 0)
    return (words + struct.pack(f"<{HEADER_SECTORS}I", *listed)).ljust(SECTOR, b"\x00")


def _packed(table: Sequence[int]) -> bytes:
    data = array("I", table).tobytes()
    return data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\xff")


def _entry(name: str, kind: int, left: int, right: int, child: int, start: int, size: int) -> bytes:
    label = name.encode("utf-16-le")[:62]
    return ENTRY.pack(label, len(label) + 2, kind, 1, left, right, child, b"", 0, 0, 0, start, size)


def _order(item: Storage | Stream) -> tuple[int, str]:
    return len(item.name), item.name.upper()
