"""Security settings are whole or refused, and every client gets the same arguments from them."""

from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from messaging import KafkaSettings
from messaging.security import broker_security, client_arguments


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    authority = trustme.CA()
    issued = authority.issue_cert("intake")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "user.crt"))
    issued.private_key_pem.write_to_path(str(tmp_path / "user.key"))
    (tmp_path / "password").write_text("s3cret \n")
    return {name: str(tmp_path / name) for name in ("ca.crt", "user.crt", "user.key", "password")}


def settings(**changes: object) -> KafkaSettings:
    return KafkaSettings.model_validate({"bootstrap_servers": "kafka:9093", **changes})


def scram(files: dict[str, str], **changes: object) -> KafkaSettings:
    given = {
        "security_protocol": "SASL_SSL",
        "ssl_ca_file": files["ca.crt"],
        "sasl_username": "intake",
        "sasl_password_file": files["password"],
    }
    return settings(**{**given, **changes})


def test_every_client_gets_every_address() -> None:
    several = settings(bootstrap_servers="kafka-0:9093, kafka-1:9093,kafka-2:9093,")

    assert client_arguments(several)["bootstrap_servers"] == ["kafka-0:9093", "kafka-1:9093", "kafka-2:9093"]


def test_without_security_a_client_gets_the_address_alone() -> None:
    assert client_arguments(settings()) == {"bootstrap_servers": ["kafka:9093"]}
    assert broker_security(settings()) is None


def test_a_certificate_makes_mutual_tls_that_checks_the_brokers_name(files: dict[str, str]) -> None:
    arguments = client_arguments(
        settings(
            security_protocol="SSL",
            ssl_ca_file=files["ca.crt"],
            ssl_certificate_file=files["user.crt"],
            ssl_key_file=files["user.key"],
        )
    )

    assert arguments["security_protocol"] == "SSL"
    assert arguments["ssl_context"].check_hostname is True
    assert len(arguments["ssl_context"].get_ca_certs()) == 1


def test_a_password_is_read_from_its_file_without_the_line_break(files: dict[str, str]) -> None:
    arguments = client_arguments(scram(files))

    assert arguments["sasl_plain_password"] == "s3cret "
    assert (arguments["security_protocol"], arguments["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")


def test_a_password_that_was_changed_is_what_the_next_client_gets(files: dict[str, str]) -> None:
    given = scram(files, sasl_mechanism="SCRAM-SHA-256", security_protocol="SASL_PLAINTEXT", ssl_ca_file=None)
    before = client_arguments(given)
    Path(files["password"]).write_text("another")

    assert client_arguments(given) == {**before, "sasl_plain_password": "another"}
    assert before["sasl_mechanism"] == "SCRAM-SHA-256"


def test_settings_do_not_hold_the_secret(files: dict[str, str]) -> None:
    assert "s3cret" not in repr(scram(files))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"ssl_ca_file": "ca"}, "KAFKA_SSL_CA_FILE has no effect with KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        ({"security_protocol": "SSL", "sasl_username": "u"}, "KAFKA_SASL_USERNAME has no effect"),
        ({"security_protocol": "SASL_SSL"}, "needs KAFKA_SASL_PASSWORD_FILE, KAFKA_SASL_USERNAME"),
        ({"security_protocol": "SSL", "ssl_key_file": "k"}, "a certificate and its key come together"),
        ({"security_protocol": "TLS"}, "Input should be 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
        ({"sasl_mechanism": "PLAIN"}, "Input should be 'SCRAM-SHA-256' or 'SCRAM-SHA-512'"),
    ],
)
def test_security_that_is_not_whole_is_refused(given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**given)

    assert complaint in str(refused.value)


def test_a_file_that_cannot_be_used_is_named(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")

    with pytest.raises(ValueError, match=r"KAFKA_SASL_PASSWORD_FILE: .*empty is empty"):
        client_arguments(scram(files, sasl_password_file=tmp_path / "empty"))
    with pytest.raises(ValueError, match=r"KAFKA_SASL_PASSWORD_FILE cannot be read: .*absent"):
        client_arguments(scram(files, sasl_password_file=tmp_path / "absent"))
    with pytest.raises(ValueError, match=r"TLS to Kafka: one of .*absent\.crt cannot be used"):
        client_arguments(scram(files, ssl_ca_file=tmp_path / "absent.crt"))
