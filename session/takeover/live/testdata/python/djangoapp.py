from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

import serve

settings.configure(
    SECRET_KEY=serve.SECRET,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)


def signin(request):
    request.session.update(serve.VISIT)
    return JsonResponse({})


def me(request):
    if "user" not in request.session:
        return JsonResponse({}, status=401)
    return JsonResponse({"user": request.session["user"]})


urlpatterns = [path("signin", signin), path("me", me)]

serve.wsgi(get_wsgi_application())
