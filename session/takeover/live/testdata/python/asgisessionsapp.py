import os

from asgi_sessions import SessionMiddleware
from asgi_tools import App, ResponseJSON

import serve

app = App()
app.middleware(
    SessionMiddleware.setup(secret_key=serve.SECRET, session_type=os.environ["KIND"])
)


@app.route("/signin", methods=["POST"])
async def signin(request):
    for name, value in serve.VISIT.items():
        request.session[name] = value
    return {}


@app.route("/me")
async def me(request):
    if "user" not in request.session:
        return ResponseJSON({}, status_code=401)
    return {"user": request.session["user"]}


serve.asgi(app)
