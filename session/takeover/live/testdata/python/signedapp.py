from itsdangerous import URLSafeTimedSerializer

import serve

serializer = URLSafeTimedSerializer(serve.SECRET, salt="visits")

serve.wsgi(
    serve.cookie_app(
        "visit",
        serializer.dumps,
        lambda text: serializer.loads(text, max_age=14 * 24 * 3600),
    )
)
