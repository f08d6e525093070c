"""Tokens: only what our key signed, for us, now; and nothing of them is ever said or logged."""

import base64
import hashlib
import hmac
import json
import logging
import os
import time

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from gateway.auth import Authenticator, Role, Unauthenticated
from gateway.keys import RemoteKeys, from_jwks_file, shared


@pytest.fixture
def authenticator(key_file):
    return Authenticator(shared(key_file), audience="throughline", issuer="throughline")


def forged(header, claims, key):
    """A token signed by hand, so that the library under test has no say in it."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = part(header) + b"." + part(claims)
    signature = hmac.new(key, body, hashlib.sha256).digest() if key else b""
    return (body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


CLAIMS = {
    "tenant": "acme",
    "sub": "anna",
    "roles": ["client"],
    "aud": "throughline",
    "iss": "throughline",
    "exp": time.time() + 3600,
}


def test_a_good_token_names_tenant_actor_and_known_roles(authenticator, kit):
    caller = authenticator.caller(f"Bearer {kit.token('client', 'emperor', tenant='acme', actor='anna')}")

    assert (caller.tenant, caller.actor, caller.roles) == ("acme", "anna", {Role.CLIENT})


BAD = {
    "nothing": None,
    "empty": "",
    "no scheme": "abc",
    "basic": "Basic YTpi",
    "no token": "Bearer ",
    "garbage": "Bearer a.b.c",
    "too long": "Bearer " + "a" * 9000,
}


@pytest.mark.parametrize("header", BAD.values(), ids=BAD.keys())
def test_what_is_no_token_is_refused(authenticator, header):
    with pytest.raises(Unauthenticated):
        authenticator.caller(header)


WRONG = {
    "another key": {"key": b"somebody else's secret, also 32+ bytes"},
    "expired": {"seconds": -60},
    "another audience": {"aud": "elsewhere"},
    "another issuer": {"iss": "elsewhere"},
    "no tenant": {"tenant": None},
    "no subject": {"sub": None},
    "no expiry": {"exp": None},
    "no roles": {"roles": None},
    "roles as text": {"roles": "client"},
    "not yet": {"nbf": time.time() + 86_400},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_token_with_something_wrong_is_refused(authenticator, kit, change):
    changed = {"tenant": "acme", "actor": "anna", **change}

    with pytest.raises(Unauthenticated):
        authenticator.caller(f"Bearer {kit.token('client', **changed)}")


def test_an_unsigned_token_is_refused(authenticator):
    with pytest.raises(Unauthenticated):
        authenticator.caller("Bearer " + forged({"alg": "none", "typ": "JWT"}, CLAIMS, b""))


def jwks(private):
    public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    return json.dumps({"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]})


@pytest.fixture(scope="module")
def private():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def by_jwks(private, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(jwks(private))
    return Authenticator(from_jwks_file(file), audience="throughline", issuer="throughline")


def test_a_token_signed_by_a_key_of_the_set_is_taken(by_jwks, private):
    token = jwt.encode(CLAIMS, private, algorithm="RS256", headers={"kid": "k1"})

    assert by_jwks.caller(f"Bearer {token}").actor == "anna"


@pytest.mark.parametrize("kid", ["k2", None])
def test_a_token_of_an_unknown_key_is_refused(by_jwks, private, kid):
    token = jwt.encode(CLAIMS, private, algorithm="RS256", headers={"kid": kid} if kid else {})

    with pytest.raises(Unauthenticated):
        by_jwks.caller(f"Bearer {token}")


def test_the_public_key_cannot_be_used_as_a_shared_secret(by_jwks, private):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(Unauthenticated):
        by_jwks.caller("Bearer " + forged({"alg": "HS256", "typ": "JWT", "kid": "k1"}, CLAIMS, pem))


def test_a_remembered_token_is_forgotten_when_it_expires(key_file, kit):
    now = [time.time()]
    keys = shared(key_file)
    authenticator = Authenticator(keys, audience="throughline", issuer="throughline", clock=lambda: now[0])
    header = f"Bearer {kit.token('client', seconds=20)}"
    caller = authenticator.caller(header)
    assert authenticator.caller(header) is caller

    now[0] += 21

    assert authenticator.caller(header) is not caller


def test_a_token_is_verified_again_after_a_minute(key_file, kit):
    now = [time.time()]
    keys = shared(key_file)
    authenticator = Authenticator(keys, audience="throughline", issuer="throughline", clock=lambda: now[0])
    header = f"Bearer {kit.token('client')}"
    authenticator.caller(header)
    keys.find = lambda _: b"the secret was changed, and is 32 bytes"

    now[0] += 30
    assert authenticator.caller(header).actor == "tester"

    now[0] += 31
    with pytest.raises(Unauthenticated):
        authenticator.caller(header)


def test_a_short_secret_is_refused_at_start(tmp_path):
    (tmp_path / "key").write_text("short")

    with pytest.raises(ValueError, match="at least 32"):
        shared(tmp_path / "key")


def test_a_rotated_secret_is_followed_and_a_bad_file_leaves_the_last_good_one(key_file, kit):
    authenticator = Authenticator(shared(key_file), audience="throughline", issuer="throughline")
    rotated = b"the secret after rotation, over 32 bytes"
    new = f"Bearer {kit.token('client', key=rotated)}"
    with pytest.raises(Unauthenticated):
        authenticator.caller(new)

    key_file.write_bytes(rotated)
    os.utime(key_file, ns=(1, 1))
    assert authenticator.caller(new).actor == "tester"

    key_file.write_text("short")
    os.utime(key_file, ns=(2, 2))
    assert authenticator.caller(f"Bearer {kit.token('viewer', key=rotated)}").roles == {Role.VIEWER}


async def test_keys_of_an_address_are_fetched_beforehand_and_a_forged_kid_fetches_nothing(private):
    asked = []

    def serve(request):
        asked.append(request)
        return httpx.Response(200, text=jwks(private))

    remote = RemoteKeys("https://id.example/jwks", httpx.AsyncClient(transport=httpx.MockTransport(serve)))
    authenticator = Authenticator(remote, audience="throughline", issuer="throughline")
    good = jwt.encode(CLAIMS, private, algorithm="RS256", headers={"kid": "k1"})
    with pytest.raises(Unauthenticated):
        authenticator.caller(f"Bearer {good}")

    await remote.refresh()
    assert authenticator.caller(f"Bearer {good}").actor == "anna"
    for number in range(50):
        forgery = jwt.encode(CLAIMS, private, algorithm="RS256", headers={"kid": f"x{number}"})
        with pytest.raises(Unauthenticated):
            authenticator.caller(f"Bearer {forgery}")

    assert len(asked) == 1


async def test_an_address_that_does_not_answer_leaves_the_last_good_keys(private):
    answers = [httpx.Response(200, text=jwks(private)), httpx.Response(500), httpx.Response(200, text="{")]
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    remote = RemoteKeys("https://id.example/jwks", httpx.AsyncClient(transport=transport))
    token = jwt.encode(CLAIMS, private, algorithm="RS256", headers={"kid": "k1"})

    for _ in range(3):
        await remote.refresh()

    assert remote.find(token) is not None


async def test_tokens_are_not_logged_and_not_repeated(house, kit, caplog):
    caplog.set_level(logging.DEBUG)
    token = kit.token("viewer", seconds=-60)

    response = await house.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": f"Bearer {token}"}
    )

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert token not in response.text
    assert token not in caplog.text
