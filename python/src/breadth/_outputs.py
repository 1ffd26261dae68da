"""Files that appear whole or not at all, written by one job at a time.

The rules are those of the command line (`lock.rs` and `atomic.rs` of `breadth-data`), and so are
the names: a job of either kind sees the other's lock, and clears away what a killed one left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_fcntl: ModuleType | None
try:
    import fcntl as _fcntl
except ImportError:  # Windows: nothing is locked there
    _fcntl = None

#: Seconds to wait for another job. What Python writes takes moments, and the rows that wait here
#: may have cost hours.
PATIENCE = 60.0
_PAUSE = 0.02

#: File systems that know no locks, such as some network file systems.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True)
class Output:
    """A file that this job alone is writing."""

    #: Where the file is, behind all links.
    path: Path
    #: A device or a pipe: there is nothing to read, replace or lock.
    is_device: bool = False

    def write(self, content: memoryview) -> None:
        """Writes the whole file; on an error the old one stays."""
        if self.is_device:
            with open(os.open(self.path, os.O_WRONLY), "wb") as device:
                device.write(content)
            return
        # Letters of the operating system's, so that no random stream of the caller moves on.
        pending = self.path.with_name(_pending(self.path) + secrets.token_hex(3))
        file = open(pending, "xb")  # noqa: SIM115 - only what was made here is removed
        try:
            with file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(pending, self.path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(pending)
            raise


@contextlib.contextmanager
def hold(path: Path) -> Iterator[Output]:
    """Holds a file, to read, change and replace it, and makes its folder.

    Waits a while for another job that holds it, then refuses. Nothing is locked on Windows and in
    file systems without locks: there the user sees to it that one job at a time writes a file.
    """
    if _is_device(path):
        yield Output(path, is_device=True)
        return
    real = Path(os.path.realpath(path))
    if real.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    real.parent.mkdir(parents=True, exist_ok=True)
    name = real.with_name(f".breadth-lock-{real.name}")
    lock = _take(name, path)
    try:
        if lock is not None:
            _remove_dead(real)
        yield Output(real)
    finally:
        if lock is not None:
            _give_back(lock, name)


def _is_device(path: Path) -> bool:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _pending(output: Path) -> str:
    """The beginning of the names under which an output is written."""
    return f".breadth-tmp-{output.name}-"


def _remove_dead(output: Path) -> None:
    """Removes what dead writers left; whoever holds the output knows that none is alive."""
    name = re.compile(re.escape(_pending(output)) + "[0-9A-Za-z]{6}")
    for entry in list(os.scandir(output.parent)):
        if name.fullmatch(entry.name):
            is_folder = entry.is_dir(follow_symlinks=False)
            (shutil.rmtree if is_folder else os.unlink)(entry.path)


def _take(name: Path, output: Path) -> int | None:
    """Locks the file of this name; None where there are no locks."""
    if _fcntl is None:
        return None
    end = time.monotonic() + PATIENCE
    while True:
        try:
            file = _open(name)
            holder = "another process" if file is None else _try(file, name)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            name.unlink(missing_ok=True)
            return None
        if holder is None:
            return file
        if time.monotonic() > end:
            raise BlockingIOError(
                f"{output}: {holder} is writing it; nothing was changed. Wait for its end, or "
                "choose another output"
            )
        time.sleep(_PAUSE)


def _try(file: int, name: Path) -> str | None:
    """Locks the file, or closes it and says who holds it."""
    try:
        if _locks(file) and _has_name(file, name):
            _describe(file)
            return None
        holder = _holder(file)
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return holder


def _give_back(lock: int, name: Path) -> None:
    # The name goes first: whoever has opened the file by now must see that it has none.
    with contextlib.suppress(OSError):
        os.unlink(name)
    assert _fcntl is not None
    # Closing does not unlock while a child that was forked meanwhile has the file, too.
    _fcntl.flock(lock, _fcntl.LOCK_UN)
    os.close(lock)


def _open(name: Path) -> int | None:
    """The file of a lock, which nothing else has written; None if it comes or goes just now."""
    flags = os.O_RDWR
    try:
        found = os.lstat(name)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(f"{name}: has the name of a lock and is something else; remove it")
    except FileNotFoundError:
        flags |= os.O_CREAT | os.O_EXCL
    try:
        file = os.open(name, flags, 0o666)
    except (FileExistsError, FileNotFoundError):
        return None
    # What a killed process had begun to write may lack its end.
    start = os.pread(file, 64, 0).split(b"\n")[:2]
    if all(not line or line.isdigit() for line in start):
        return file
    os.close(file)
    raise OSError(f"{name}: has the name of a lock and is something else; remove it")


def _locks(file: int) -> bool:
    assert _fcntl is not None
    try:
        _fcntl.flock(file, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _has_name(file: int, name: Path) -> bool:
    """Whether the file still has its name, which its last holder took away."""
    try:
        return os.path.samestat(os.fstat(file), os.lstat(name))
    except FileNotFoundError:
        return False


def _describe(file: int) -> None:
    """Writes who holds the lock: process, second since 1970, command."""
    command = " ".join(" ".join(sys.orig_argv).split())
    text = f"{os.getpid()}\n{int(time.time())}\n{command}\n"
    with contextlib.suppress(OSError):  # on a full disk a lock says nothing, and holds
        os.ftruncate(file, 0)
        os.pwrite(file, text.encode("utf-8", "replace"), 0)


def _holder(file: int) -> str:
    """Who holds a lock, in words."""
    text = os.pread(file, 1 << 16, 0).decode("utf-8", "replace")
    process, since, command = (*(part.strip() for part in text.split("\n", 2)), "", "", "")[:3]
    if not process or not since.isdecimal():
        return "another process"  # it took the lock a moment ago
    elapsed = max(0, int(time.time()) - int(since))
    return f"process {process} (`{_short(command)}`, for {_in_words(elapsed)})"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:140]}...{text[-57:]}"


def _in_words(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
