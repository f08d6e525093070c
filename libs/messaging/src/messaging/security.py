"""How clients get to the broker: from settings to where it is, TLS and SASL of every client."""

from ssl import SSLContext, SSLError
from typing import Any

from aiokafka.helpers import create_ssl_context
from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLScram256, SASLScram512

from messaging.settings import KafkaSettings, SaslMechanism

_SCRAM = {SaslMechanism.SCRAM_SHA_256: SASLScram256, SaslMechanism.SCRAM_SHA_512: SASLScram512}


def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """What every aiokafka client is constructed with. Raises ValueError for a file that cannot be used."""
    return {"bootstrap_servers": settings.brokers, **parse_security(broker_security(settings))}


def broker_security(settings: KafkaSettings) -> BaseSecurity | None:
    """The same for FastStream's broker; None is plain text. Raises ValueError as `client_arguments` does."""
    tls = _context(settings) if settings.security_protocol.encrypted else None
    if settings.security_protocol.authenticated:
        assert settings.sasl_username is not None  # settings hold it wherever the protocol asks for it
        return _SCRAM[settings.sasl_mechanism](settings.sasl_username, _password(settings), ssl_context=tls)
    return BaseSecurity(ssl_context=tls) if tls else None


def _context(settings: KafkaSettings) -> SSLContext:
    """Without a CA file the machine's own authorities count; the broker's name is checked either way."""
    files = {
        "cafile": settings.ssl_ca_file,
        "certfile": settings.ssl_certificate_file,
        "keyfile": settings.ssl_key_file,
    }
    try:
        context: SSLContext = create_ssl_context(**{name: str(file) for name, file in files.items() if file})
    except (OSError, SSLError) as error:
        names = ", ".join(str(file) for file in files.values() if file)
        raise ValueError(
            f"TLS to Kafka: one of {names or 'the authorities'} cannot be used: {error}"
        ) from error
    return context


def _password(settings: KafkaSettings) -> str:
    assert settings.sasl_password_file is not None
    try:
        # Editors and `echo` end a file with a line break that is no part of the secret.
        password = settings.sasl_password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"KAFKA_SASL_PASSWORD_FILE cannot be read: {error}") from error
    if not password:
        raise ValueError(f"KAFKA_SASL_PASSWORD_FILE: {settings.sasl_password_file} is empty")
    return password
