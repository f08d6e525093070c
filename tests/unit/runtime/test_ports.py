"""Ports: the plan, who owns a busy one, and the message about it."""

import os
import socket

import pytest

from runtime.errors import CommandFailed, Exit
from runtime.ports import OFFSETS, busy, is_free, owner_of, plan
from runtime.preflight import check_ports


@pytest.fixture
def taken():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_plan_is_the_base_plus_fixed_offsets():
    assert plan(8400, tuple(OFFSETS)) == {
        "gateway": 8400, "kafka": 8401, "mongo": 8402, "traces": 8403,
        "jaeger-otlp": 8404, "jaeger-grpc": 8405, "controller": 8406, "jaeger": 8407,
        "intake": 8411, "design": 8412, "provisioning": 8413, "migration": 8414, "monitoring": 8415,
        "feedback": 8416,
    }  # fmt: skip


def test_base_zero_takes_free_ports_that_differ():
    ports = plan(0, tuple(OFFSETS))

    assert len(set(ports.values())) == len(OFFSETS)
    assert all(is_free(port) for port in ports.values())


def test_busy_port_is_found_with_its_owner(taken):
    assert busy({"kafka": taken}) == {"kafka": taken}
    owner = owner_of(taken)
    assert owner is not None
    assert owner.pid == os.getpid()


def test_message_names_port_owner_and_fix(taken):
    with pytest.raises(CommandFailed) as caught:
        check_ports({"gateway": taken - 1, "kafka": taken, "mongo": taken + 1}, 8400)

    assert caught.value.exit_code == Exit.USAGE
    wanted = f"  port {taken} (kafka) is in use by "
    assert any(line.startswith(wanted) and f"(pid {os.getpid()}, in " in line for line in caught.value.lines)
    assert "make demo PORT=8500" in caught.value.lines[-1]
    assert f"ports of this stack: {taken - 1}-{taken + 1}" in caught.value.lines[-1]


def test_free_ports_pass():
    check_ports(plan(0, ("gateway", "kafka")), 0)
