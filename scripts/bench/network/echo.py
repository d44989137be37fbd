# What the network benchmark measures times with, at both ends and for everyone alike: blocking sockets, one system call after the other.
#
#   echo.py serve PORT                    sends back what it gets; says "ready"
#   echo.py pingpong ADDRESS PORT N       on one connection: the median round trip, microseconds
#   echo.py connect ADDRESS PORT N        connect, request, answer, close: the median, microseconds
#   echo.py crowd ADDRESS PORT N          the same by CROWD at once, N in all: how many a second

import socket
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

CROWD = 4
# More than come at once: who closes is not waited for.
SERVERS = 16
WARMING = 50
PIECE = b"x" * 64


def serve(port):
    listener = socket.create_server(("", port), backlog=1024)
    for _ in range(SERVERS):
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


def answer(listener):
    while True:
        connection, _ = listener.accept()
        try:
            while piece := connection.recv(len(PIECE)):
                connection.send(piece)
        except ConnectionError:
            pass
        connection.close()


def connected(to):
    connection = socket.socket()
    connection.connect(to)
    return connection


def ask(connection):
    connection.send(PIECE)
    if connection.recv(len(PIECE)) != PIECE:
        sys.exit("not what was sent")


def visit(to):
    connection = connected(to)
    ask(connection)
    connection.close()


def median(act, count):
    for _ in range(WARMING):
        act()
    laps = []
    for _ in range(count):
        start = time.perf_counter_ns()
        act()
        laps.append(time.perf_counter_ns() - start)
    return statistics.median(laps) / 1000


def pingpong(to, count):
    connection = connected(to)
    return median(lambda: ask(connection), count)


def connect(to, count):
    return median(lambda: visit(to), count)


def crowd(to, count):
    start = time.perf_counter()
    with ThreadPoolExecutor(CROWD) as crowd:
        # What they return is asked for, so that a failure is ours too.
        list(crowd.map(lambda _: visit(to), range(count)))
    return count / (time.perf_counter() - start)


def main(what, *rest):
    if what == "serve":
        return serve(int(rest[0]))
    address, port, count = rest
    print({"pingpong": pingpong, "connect": connect, "crowd": crowd}[what]((address, int(port)), int(count)))


try:
    main(*sys.argv[1:])
except OSError as error:
    sys.exit(str(error))
