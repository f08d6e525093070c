"""Which function decides which command."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import ip_network
from typing import Any

from monitoring.model.alerts import acknowledge_incident, record_alerts, resolve_incident
from monitoring.model.judging import judge_samples, record_probe
from monitoring.model.state import State
from monitoring.model.watching import Network, define_probe, define_rule, define_slo, start_watching
from schemas import monitoring as commands
from schemas.base import Command, Event
from schemas.rules import Context

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"),)
Decide = Callable[[State, Command, Context], Sequence[Event]]


def decider(networks: Sequence[Network]) -> Decide:
    """The rules of a monitoring whose probes may reach `networks` and nothing else."""
    deciders: Mapping[type[Command], Callable[[State, Any, Context], Sequence[Event]]] = {
        commands.StartWatching: start_watching,
        commands.DefineProbe: partial(define_probe, networks=networks),
        commands.DefineRule: define_rule,
        commands.DefineSlo: define_slo,
        commands.JudgeSamples: judge_samples,
        commands.RecordProbe: record_probe,
        commands.RecordAlerts: record_alerts,
        commands.AcknowledgeIncident: acknowledge_incident,
        commands.ResolveIncident: resolve_incident,
    }
    return lambda state, command, context: deciders[type(command)](state, command, context)


decide = decider(LOOPBACK)
