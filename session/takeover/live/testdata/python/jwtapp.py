import time

import jwt

import serve


def dumps(visit):
    now = int(time.time())
    return jwt.encode({**visit, "iat": now, "exp": now + 3600}, serve.SECRET, algorithm="HS256")


serve.wsgi(
    serve.cookie_app(
        "visit",
        dumps,
        lambda text: jwt.decode(text, serve.SECRET, algorithms=["HS256"]),
    )
)
