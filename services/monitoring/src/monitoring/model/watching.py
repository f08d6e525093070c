"""What is watched: the built environment, probes, rules and SLOs."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import urlsplit

from monitoring.model.state import PROBE, RULE, State, WatchedProbe, alert_id
from monitoring.model.story import Story
from schemas.base import Event, Ref
from schemas.design import Component, Layer
from schemas.monitoring import (
    DefineProbe,
    DefineRule,
    DefineSlo,
    Probe,
    ProbeDefined,
    ProbeKind,
    RuleDefined,
    SloDefined,
    StartWatching,
    WatchStarted,
)
from schemas.rules import Context, Refused

Network = IPv4Network | IPv6Network
DATABASE_PROBE = "environment-database"


def start_watching(state: State, command: StartWatching, context: Context) -> Sequence[Event]:
    if command.build <= state.build:
        return []
    components = _with_database(command.components, command.database_component)
    known = {component.id for component in components}
    story = Story(state)
    story.add(
        WatchStarted(
            build=command.build,
            components=components,
            endpoint=command.endpoint,
            unbound=tuple(_unbound(state, known)),
        )
    )
    for announced in _announced(state, command, known):
        story.add(announced)
    for alert, firing in state.alerts.items():
        # Nothing will ever be measured again on a component that is gone, so nothing would end its alert.
        if firing.component not in known:
            story.end(alert, context.at)
    return story.events


def _with_database(components: tuple[Component, ...], database: Ref) -> tuple[Component, ...]:
    if any(component.id == database for component in components):
        return components
    built = Component(id=database, name="Database", layer=Layer.DATA, product="postgresql")
    return (*components, built)


def _unbound(state: State, known: set[Ref]) -> Iterable[Ref]:
    yield from (name for name, watched in state.probes.items() if watched.probe.component not in known)
    yield from (name for name, rule in state.rules.items() if rule.component not in known)


def _announced(state: State, command: StartWatching, known: set[Ref]) -> Iterable[ProbeDefined]:
    """Every probe anew, since postgres probes move to the endpoint that was built now."""
    built = {"endpoint": command.endpoint, "target": f"{command.endpoint.host}:{command.endpoint.port}"}
    for probe in _wanted(state, command):
        if probe.component in known:
            bound = probe.model_copy(update=built) if probe.kind is ProbeKind.POSTGRES else probe
            yield ProbeDefined(probe=bound, generation=_next_generation(state, probe.id))


def _wanted(state: State, command: StartWatching) -> Iterable[Probe]:
    """What was defined so far, and a probe of the database unless one looks after it already."""
    defined = {name: watched.probe for name, watched in state.probes.items()}
    if not any(_looks_after(probe, command.database_component) for probe in defined.values()):
        defined[DATABASE_PROBE] = Probe(
            id=DATABASE_PROBE,
            kind=ProbeKind.POSTGRES,
            component=command.database_component,
            target=command.endpoint.host,
        )
    return defined.values()


def _looks_after(probe: Probe, database: Ref) -> bool:
    return probe.kind is ProbeKind.POSTGRES and probe.component == database


def _next_generation(state: State, probe: Ref) -> int:
    watched = state.probes.get(probe)
    return watched.generation + 1 if watched else 1


def define_probe(
    state: State, command: DefineProbe, context: Context, networks: Sequence[Network]
) -> Sequence[Event]:
    probe = command.probe
    require_component(state, "probe.component", probe.component)
    _check_target(probe, networks)
    if probe.kind is ProbeKind.POSTGRES:
        probe = _bound(state, probe)
    known = state.probes.get(probe.id)
    if known and known.probe == probe:
        return []
    story = Story(state)
    story.add(ProbeDefined(probe=probe, generation=_next_generation(state, probe.id)))
    story.end(alert_id(PROBE, probe.id), context.at)
    return story.events


def _bound(state: State, probe: Probe) -> Probe:
    # Somebody else's endpoint would be sent the password of ours.
    if probe.endpoint is not None and probe.endpoint != state.endpoint:
        reason = "a postgres probe uses the endpoint of the environment that was built; leave it out"
        raise Refused("probe.endpoint", "endpoint-is-the-built-one", reason)
    return probe.model_copy(update={"endpoint": state.endpoint})


def _check_target(probe: Probe, networks: Sequence[Network]) -> None:
    if probe.kind is ProbeKind.POSTGRES:
        return
    host = _http_host(probe.target) if probe.kind is ProbeKind.HTTP else _tcp_host(probe.target)
    try:
        address = ip_address(host)
    except ValueError:
        return  # A name is judged when it is looked up, at every check.
    if not any(address in network for network in networks):
        reason = f"{address} is in none of the networks that probes may reach ({_listed(networks)})"
        raise Refused("probe.target", "target-in-probe-networks", reason)


def _listed(networks: Sequence[Network]) -> str:
    return ", ".join(str(network) for network in networks)


def _http_host(target: str) -> str:
    rule = "http-target-is-a-url"
    try:
        url = urlsplit(target)
        host, _ = url.hostname, url.port
    except ValueError as error:
        raise Refused("probe.target", rule, f"{target!r} cannot be read as a URL: {error}") from error
    if url.scheme not in ("http", "https") or not host:
        raise Refused("probe.target", rule, f"{target!r} is not an http or https URL")
    if url.username is not None or url.password is not None:
        raise Refused(
            "probe.target", "no-credentials-in-url", "a URL with a user or password is kept for all to read"
        )
    return host


def _tcp_host(target: str) -> str:
    host, colon, port = target.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise Refused(
            "probe.target", "tcp-target-is-host-and-port", f"{target!r} is not host:port, port 1 to 65535"
        )
    return host.strip("[]")


def define_rule(state: State, command: DefineRule, context: Context) -> Sequence[Event]:
    rule = command.rule
    require_component(state, "rule.component", rule.component)
    if state.rules.get(rule.id) == rule:
        return []
    story = Story(state)
    story.add(RuleDefined(rule=rule))
    story.end(alert_id(RULE, rule.id), context.at)
    return story.events


def define_slo(state: State, command: DefineSlo, _: Context) -> Sequence[Event]:
    known = state.slos.get(command.slo.id)
    return [] if known and known.slo == command.slo else [SloDefined(slo=command.slo)]


def require_component(state: State, field: str, component: Ref) -> None:
    """Raises Refused for a component the design does not have, once the design is known."""
    if state.watching and component not in state.components:
        known = ", ".join(state.components)
        reason = f"the design has no component {component!r}; it has {known}"
        raise Refused(field, "component-is-known", reason)


def is_current(watched: WatchedProbe | None, generation: int) -> bool:
    return watched is not None and watched.generation == generation
