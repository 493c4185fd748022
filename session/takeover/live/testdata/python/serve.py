"""What the servers of this directory have in common.

Each is told its secret, and all of them the session of who signs in, by the
environment. They listen on a port of 127.0.0.1 that is free, print it, and stop
when their standard input ends.
"""

import json
import os
import sys
import threading
from http.cookies import SimpleCookie
from wsgiref.simple_server import WSGIRequestHandler, make_server

SECRET = os.environ["SECRET"]
VISIT = json.loads(os.environ["VISIT"])


def _stop_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def listening(port):
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    print("listening on", port, flush=True)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def wsgi(app):
    server = make_server("127.0.0.1", 0, app, handler_class=_Quiet)
    listening(server.server_port)
    server.serve_forever()


def asgi(app):
    import socket

    import uvicorn

    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    listening(sock.getsockname()[1])
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[sock])


def cookie_app(name, dumps, loads):
    """An application that keeps its session in a cookie by itself.

    loads raises an exception for what dumps has not made.
    """

    def app(environ, start_response):
        headers = [("Content-Type", "application/json")]
        if environ["PATH_INFO"] == "/signin":
            headers.append(("Set-Cookie", f"{name}={dumps(VISIT)}; Path=/; HttpOnly"))
            start_response("200 OK", headers)
            return [b"{}"]
        try:
            session = loads(SimpleCookie(environ.get("HTTP_COOKIE", ""))[name].value)
        except Exception:
            start_response("401 Unauthorized", headers)
            return [b"{}"]
        start_response("200 OK", headers)
        return [json.dumps({"user": session["user"]}).encode()]

    return app
