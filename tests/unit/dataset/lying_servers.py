"""Servers of downloads on this machine: a truthful one, and those that lie, stop, or never end."""

import contextlib
import gzip
import socket
import socketserver
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def server(answer) -> Iterator[str]:
    """The address of a server on this machine; ``answer`` gets the path that was asked for and the connection."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            path = self.rfile.readline().decode(errors="replace").split(" ")[1]
            while self.rfile.readline().strip():
                pass  # the headers
            with contextlib.suppress(OSError):  # the other side has had enough
                answer(path, self.connection)

        def handle_error(self, *arguments):
            pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *arguments):
            """Say nothing: a client that speaks TLS is no fault of the test."""

    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()


def name_of(path):
    return path.rpartition("/")[2].removesuffix(".gz")


def send(connection, body, status="200 OK", *headers, length=None):
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if length is not None or not headers:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def truthful(files, path, connection):
    send(connection, files[name_of(path)])


def too_few_bytes(files, path, connection):
    body = files[name_of(path)]
    send(connection, body[: len(body) // 2], length=len(body))


def broken_chunks(files, path, connection):
    send(connection, b"4\r\nabcd\r\nzz\r\n", "200 OK", "Transfer-Encoding: chunked")


def chunks_that_end(files, path, connection):
    send(connection, b"ffff\r\nabcd", "200 OK", "Transfer-Encoding: chunked")


def login_page(files, path, connection):
    send(connection, b"<html>Welcome to our hotel</html>")


def redirected_to_a_login_page(files, path, connection):
    if "login" in path:
        login_page(files, path, connection)
    else:
        send(connection, b"", "302 Found", f"Location: http://127.0.0.1:{connection.getsockname()[1]}/login.gz")


def redirected_in_a_circle(files, path, connection):
    send(connection, b"", "302 Found", f"Location: http://127.0.0.1:{connection.getsockname()[1]}{path}")


def redirected_to_no_address(files, path, connection):
    send(connection, b"", "302 Found", "Location: http://[half an address/")


def redirected_to_no_port(files, path, connection):
    send(connection, b"", "302 Found", "Location: http://127.0.0.1:port/")


def not_there(files, path, connection):
    send(connection, b"<html>not found</html>", "404 Not Found")


def out_of_order(files, path, connection):
    send(connection, b"", "503 Service Unavailable")


def no_http(files, path, connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def no_answer(files, path, connection):
    connection.shutdown(socket.SHUT_RDWR)


def endless_headers(files, path, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")


def too_many_headers(files, path, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000 + b"\r\n")


def nonsense_for_a_length(files, path, connection):
    send(connection, b"abcd", length="many")


def damaged_within(files, path, connection):
    body = bytearray(files[name_of(path)])
    body[10:2000] = b"\xff" * 1990  # no block of deflate begins like this
    send(connection, bytes(body))


def endless(files, path, connection):
    send(connection, b"", "200 OK", "X: no length")
    while True:
        connection.sendall(b"\0" * 2**20)


def gigabyte_in_a_megabyte(files, path, connection):
    send(connection, BOMB)


def silent(files, path, connection):
    threading.Event().wait(60)


def dripping(files, path, connection):
    send(connection, b"", length=10_000)
    while not threading.Event().wait(0.05):
        connection.sendall(b"x")


# A thousandth of what it holds, which is many times what a file may hold.
BOMB = gzip.compress(bytes(2**26), 1)
LIARS = [too_few_bytes, broken_chunks, chunks_that_end, login_page, redirected_to_a_login_page, redirected_in_a_circle]
LIARS += [redirected_to_no_address, redirected_to_no_port, not_there, out_of_order, no_http, no_answer, endless_headers]
LIARS += [too_many_headers, nonsense_for_a_length, damaged_within, endless, gigabyte_in_a_megabyte, silent, dripping]
