import json

from cryptography.fernet import Fernet

import serve

fernet = Fernet(serve.SECRET)

serve.wsgi(
    serve.cookie_app(
        "visit",
        lambda visit: fernet.encrypt(json.dumps(visit).encode()).decode(),
        lambda text: json.loads(fernet.decrypt(text.encode(), ttl=3600)),
    )
)
