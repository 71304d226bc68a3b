"""Answers that nobody can bear, or that nobody should have to."""

import socket
import time
import zlib

from tests.hostile.serving import Answer

MIB = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BEGUN = HEAD + b'Connection: close\r\n\r\n{"Response": {"RequestId": "r", '


def endless(start: bytes, piece: bytes) -> Answer:
    """Says the same for as long as anybody listens."""

    def answer(connection: socket.socket, _action: str) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return answer


def large(start: bytes, piece: bytes, end: bytes, size: int = 100 * MIB) -> Answer:
    """An answer of so many bytes, whole."""

    def answer(connection: socket.socket, _action: str) -> None:
        connection.sendall(start)
        for _ in range(size // len(piece)):
            connection.sendall(piece)
        connection.sendall(end)
        connection.shutdown(socket.SHUT_WR)

    return answer


def slow(start: bytes, piece: bytes, pause: float) -> Answer:
    """A piece now and then, each before the client's patience with silence is at its end."""

    def answer(connection: socket.socket, _action: str) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return answer


def bomb() -> Answer:
    """1 GiB of spaces in 1 MiB of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush the same input packs into the same bytes.
    again = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    body = packed + again * 1023
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    return lambda connection, _action: connection.sendall(head + body)


ENDLESS = {
    "body": endless(HEAD + b"\r\n", b" " * MIB),
    "chunks": endless(CHUNKED, b"100000\r\n" + b" " * MIB + b"\r\n"),
    "tiny chunks": endless(CHUNKED, b"1\r\n \r\n" * 10_000),
    "length": endless(HEAD + b"Content-Length: 999999999999999999\r\n\r\n", b" " * MIB),
    "headers": endless(HEAD, b"X-a: b\r\n" * 10_000),
    "header line": endless(HEAD + b"X-a: ", b"x" * MIB),
    "status line": endless(b"HTTP/1.1 200 ", b"x" * MIB),
    "trailers": endless(CHUNKED + b"0\r\n", b"X-a: b\r\n" * 10_000),
    "gzip": bomb(),
    "depth": large(BEGUN + b'"Data": ', b"[" * 100_000, b"", 100_000),
    "unknown depth": large(BEGUN + b'"New": ', b"[" * 100_000, b"", 100_000),
}
"""What has no end, or unfolds without one, as fast as it can be read."""

SLOW = {
    "trickling body": slow(HEAD + b"\r\n", b" ", 0.08),
    "trickling head": slow(b"HTTP/1.1 200 ", b"x", 0.08),
    "continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "chunk extension": endless(CHUNKED + b"1;", b"x" * MIB),
}
"""What moves, and comes no nearer to its end: for a time-out of 0.1 s."""

BULKY = {
    "body": endless(HEAD + b"\r\n", b" " * MIB),
    "items": large(BEGUN + b'"Data": [', b'{"Key":"","Value":""},' * 10_000, b"]}}"),
    "value": large(BEGUN + '"Data": [{"Key": "k", "Value": "😀'.encode(), b"a" * MIB, b'"}]}}'),
    "nested value": large(
        BEGUN + b'"Data": [{"Key": "k", "Value": [', b"[]," * 100_000, b"[]]}]}}"
    ),
    "message": large(BEGUN + '"Error": {"Code": "X", "Message": "😀'.encode(), b"a" * MIB, b'"}}}'),
}
"""Answers as large as that to a request for twenty keys may be, or larger."""
