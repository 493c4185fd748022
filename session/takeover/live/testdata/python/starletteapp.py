from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route

import serve


async def signin(request):
    request.session.update(serve.VISIT)
    return JSONResponse({})


async def me(request):
    if "user" not in request.session:
        return JSONResponse({}, 401)
    return JSONResponse({"user": request.session["user"]})


serve.asgi(
    Starlette(
        routes=[Route("/signin", signin, methods=["POST"]), Route("/me", me)],
        middleware=[Middleware(SessionMiddleware, secret_key=serve.SECRET)],
    )
)
