"""Verifies access tokens as a resource server does: with stock PyJWT and its PyJWKClient as it comes.

Started with the URL of the JWKS. Each line of standard input is a JSON object: {"token", "alg", "issuer",
"audience"}, with "require" if it need not have the claims of an access token, is answered with {"kid",
"claims"} or {"refused"}, {"advance": seconds} lets that time pass for the caches of PyJWKClient, and is
answered with {}.
"""

import json
import sys
import time

import jwt

skipped = 0.0
monotonic = time.monotonic
time.monotonic = lambda: monotonic() + skipped

client = jwt.PyJWKClient(sys.argv[1])


def verify(token, alg, issuer, audience, require=("exp", "iss", "aud", "iat", "sub", "jti")):
    try:
        key = client.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=[alg],
            issuer=issuer,
            audience=audience,
            options={"require": list(require)},
        )
    except jwt.PyJWTError as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    return {"kid": key.key_id, "claims": claims}


for line in sys.stdin:
    question = json.loads(line)
    if "advance" in question:
        skipped += question["advance"]
        answer = {}
    else:
        answer = verify(**question)
    print(json.dumps(answer), flush=True)
