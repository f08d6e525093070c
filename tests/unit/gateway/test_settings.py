"""There is no way in without a key, and only one kind of key at a time."""

import pytest

from gateway.keys import FileKeys, RemoteKeys
from gateway.main import keys_of
from gateway.settings import GatewaySettings


def test_without_a_key_the_gateway_does_not_start():
    with pytest.raises(ValueError, match="set one of"):
        keys_of(GatewaySettings())


def test_two_kinds_of_keys_are_one_too_many(key_file):
    with pytest.raises(ValueError, match="set one of"):
        keys_of(GatewaySettings(jwt_key_file=key_file, jwks_url="https://id.example/jwks"))


def test_the_key_that_is_given_is_the_one_that_is_used(key_file):
    assert isinstance(keys_of(GatewaySettings(jwt_key_file=key_file)), FileKeys)
    assert isinstance(keys_of(GatewaySettings(jwks_url="https://id.example/jwks")), RemoteKeys)
