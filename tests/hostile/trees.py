"""Folders that mean harm."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.hostile.cases import Case

_PLAN = ("plan", "t")
_MANY = 200_000


def _tree(make: Callable[[], object]) -> Callable[[], object]:
    def made() -> None:
        os.mkdir("t")
        Path("t/good").write_text("v")
        make()

    return made


def _links_out() -> None:
    Path("t/passwd").symlink_to("/etc/passwd")
    Path("t/root").symlink_to("/")
    Path("t/up").symlink_to("..")
    Path("t/beside").symlink_to("../t2/secret")
    Path("t2").mkdir()
    Path("t2/secret").write_text("secret")
    Path("t/proc").symlink_to("/proc/self/environ")
    Path("t/endless").symlink_to("/dev/zero")


def _link_loops() -> None:
    Path("t/self").symlink_to("self")
    Path("t/a").symlink_to("b")
    Path("t/b").symlink_to("a")
    Path("t/here").symlink_to(".")
    Path("t/d/e").mkdir(parents=True)
    Path("t/d/e/up").symlink_to("../..")


def _link_ladder() -> None:
    # Without a bound on what is visited, 2 to the power of 40 directories.
    for level in range(40):
        Path(f"t/{level:02}").mkdir()
    for level in range(39):
        for side in "ab":
            Path(f"t/{level:02}/{side}").symlink_to(f"../{level + 1:02}")


def _special() -> None:
    os.mkfifo("t/fifo")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("t/socket")
    if os.geteuid() == 0:
        with suppress(PermissionError):
            os.mknod("t/zero", 0o20644, os.makedev(1, 5))


def _deep() -> None:
    place = os.open("t", os.O_RDONLY)
    for _ in range(10_000):
        os.mkdir("d", dir_fd=place)
        below = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)


def _names() -> None:
    for name in (
        "a\nb",
        "\x1b[2J\x1b]0;gone\x07",
        "\u202egnp.exe",
        "tab\there",
        "\x9b31m",
        "'; rm -rf",
    ):
        Path("t", name).write_text("v")


def _bytes() -> None:
    for number in range(1000):
        with open(os.fsencode("t/") + b"\xff\xfe\x1b[2J%d" % number, "wb") as file:
            file.write(b"v")


def _sparse() -> None:
    with open("t/sparse", "wb") as file:
        file.truncate(1 << 40)


def _large_sum() -> None:
    for number in range(300):
        with open(f"t/{number}", "wb") as file:
            file.write(b"x" * (1 << 20))


def _many(content: bytes) -> Callable[[], object]:
    def made() -> None:
        place = os.open("t", os.O_RDONLY)
        for number in range(_MANY):
            one = os.open(f"{number:06}", os.O_CREAT | os.O_WRONLY, dir_fd=place)
            if content:
                os.write(one, content)
            os.close(one)
        os.close(place)

    return made


def _many_links() -> None:
    for number in range(_MANY):
        os.symlink("nowhere", f"t/{number:06}")


@contextmanager
def _growing() -> Iterator[None]:
    over = threading.Event()

    def grow() -> None:
        with open("t/growing", "ab", buffering=0) as file:
            while not over.is_set() and file.tell() < 1 << 30:
                file.write(b"x" * (1 << 16))

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


TREES = {
    "links out": Case(_tree(_links_out), _PLAN, 2, "a link out of the tree"),
    "link loops": Case(_tree(_link_loops), _PLAN, 2, "leads back to itself"),
    "a ladder of links": Case(_tree(_link_ladder), _PLAN, 2),
    "FIFO, socket, device": Case(_tree(_special), _PLAN, 2, "a FIFO, socket or device"),
    "10,000 levels": Case(_tree(_deep), _PLAN, 2, "the path is too long"),
    "names that a terminal obeys": Case(_tree(_names), _PLAN, 0, r"\x1b[2J"),
    "names that are not UTF-8": Case(_tree(_bytes), _PLAN, 2, "not UTF-8"),
    "a file of 1 TiB": Case(_tree(_sparse), _PLAN, 2, "at most 1048576"),
    "a file that grows": Case(
        _tree(lambda: Path("t/growing").touch()), _PLAN, 2, "t/growing", during=_growing
    ),
    "300 files of 1 MiB": Case(_tree(_large_sum), _PLAN, 0),
    "200,000 files": Case(_tree(_many(b"v")), ("validate", "t"), 0, target=False),
    "200,000 empty files": Case(_tree(_many(b"")), _PLAN, 2, "the value is empty"),
    "200,000 bad links": Case(_tree(_many_links), _PLAN, 2, "leads nowhere"),
}
