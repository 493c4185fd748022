from datetime import datetime, timezone
from uuid import UUID

from flask import Flask, session
from markupsafe import Markup

import serve

app = Flask(__name__)
app.secret_key = serve.SECRET


@app.post("/signin")
def signin():
    session.update(serve.VISIT)
    session["pair"] = (1, "two")
    session["blob"] = b"\x00\xff"
    session["html"] = Markup("<b>tom</b>")
    session["id"] = UUID("8a6b8f52-7a35-4f5c-9d8e-0a1b2c3d4e5f")
    session["since"] = datetime(2026, 7, 1, 12, 30, 15, tzinfo=timezone.utc)
    session.permanent = True
    return {}


@app.get("/me")
def me():
    if "user" not in session:
        return {}, 401
    return {"user": session["user"]}


serve.wsgi(app)
