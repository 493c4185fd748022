"""The cookies of asgi-sessions, made as it makes them.

For where asgi-sessions itself is not to be had: its jwt is PyJWT's encoding of the
session with the secret as it is, its fernet is cryptography's, with the secret
filled up to 32 bytes, and its base64 has no secret (asgi_sessions/__init__.py,
158-235, of 1.2.4).
"""

import base64
import json
import os

import jwt
from cryptography.fernet import Fernet

import serve



def tokens(kind):
    if kind == "jwt":
        return (
            lambda visit: jwt.encode(visit, serve.SECRET, algorithm="HS256"),
            lambda text: jwt.decode(text, serve.SECRET, algorithms=["HS256"]),
        )
    if kind == "fernet":
        fernet = Fernet(base64.urlsafe_b64encode(serve.SECRET.ljust(32, "=").encode()))
        return (
            lambda visit: fernet.encrypt(json.dumps(visit).encode()).decode(),
            lambda text: json.loads(fernet.decrypt(text.encode())),
        )
    return (
        lambda visit: base64.urlsafe_b64encode(json.dumps(visit).encode()).decode(),
        lambda text: json.loads(base64.urlsafe_b64decode(text)),
    )


serve.wsgi(serve.cookie_app("session", *tokens(os.environ["KIND"])))
