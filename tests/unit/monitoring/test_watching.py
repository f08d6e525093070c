from ipaddress import ip_network

import pytest

from monitoring.model import State, decider
from monitoring.model.watching import DATABASE_PROBE
from schemas.monitoring import (
    AlertResolved,
    DefineProbe,
    DefineRule,
    DefineSlo,
    IncidentResolved,
    ProbeDefined,
    ProbeKind,
    RecordProbe,
    RuleDefined,
    SloDefined,
    WatchStarted,
)
from schemas.provisioning import Endpoint
from schemas.rules import Context
from testkit.scenario import NOON


def test_watching_starts_with_the_design_and_a_probe_of_the_database(empty, make):
    told = empty.when(make.start()).then_types(WatchStarted, ProbeDefined)

    assert [c.id for c in told.last(WatchStarted).components] == ["erp", "database"]
    probe = told.last(ProbeDefined).probe
    assert (probe.id, probe.kind, probe.component) == (DATABASE_PROBE, ProbeKind.POSTGRES, "database")
    assert (probe.endpoint, probe.target) == (make.endpoint, "127.0.0.1:5433")


def test_same_build_again_changes_nothing(watching, make):
    watching().when(make.start()).then_nothing()


def test_what_was_defined_before_the_environment_is_kept_and_announced(empty, make):
    told = (
        empty.when(DefineProbe(probe=make.probe()))
        .then(ProbeDefined(probe=make.probe(), generation=1))
        .when(DefineRule(rule=make.rule(component="ghost")))
        .then_types(RuleDefined)
        .when(make.start())
        .then_types(WatchStarted, ProbeDefined, ProbeDefined)
    )

    assert told.last(WatchStarted).unbound == ("slow",)
    assert [e.generation for e in told.outcome if isinstance(e, ProbeDefined)] == [2, 1]


def test_a_postgres_probe_from_before_gets_the_built_endpoint(empty, make):
    early = make.probe(id="mine", kind=ProbeKind.POSTGRES, target="orders")

    told = empty.when(DefineProbe(probe=early)).when(make.start())

    mine = next(e for e in told.outcome if isinstance(e, ProbeDefined) and e.probe.id == "mine")
    assert mine.probe.endpoint == make.endpoint


def test_a_probe_that_looks_after_the_database_already_is_enough(empty, make):
    mine = make.probe(id="mine", kind=ProbeKind.POSTGRES, component="database", target="orders")

    told = empty.when(DefineProbe(probe=mine)).when(make.start()).then_types(WatchStarted, ProbeDefined)

    probe = told.last(ProbeDefined).probe
    assert (probe.id, probe.endpoint, probe.target) == ("mine", make.endpoint, "127.0.0.1:5433")


def test_another_build_moves_the_probes_to_its_endpoint(watching, make):
    moved = Endpoint(host="127.0.0.1", port=6000, database="orders", user="watcher", secret="s2")

    told = watching().when(make.start(build=2, endpoint=moved)).then_types(WatchStarted, ProbeDefined)

    assert told.last(ProbeDefined).probe.endpoint == moved
    assert told.last(ProbeDefined).generation == 2


def test_another_build_ends_alerts_of_components_that_are_gone(watching, make):
    told = watching(DefineRule(rule=make.rule(for_seconds=0)), make.judge((0, 400)))

    told = told.when(make.start(build=2, components=()), at=make.minute(10))

    told.then_types(WatchStarted, ProbeDefined, AlertResolved, IncidentResolved)
    assert told.last(IncidentResolved).duration_seconds == 600
    assert told.last(WatchStarted).unbound == ("slow",)


@pytest.mark.parametrize("before", [True, False])
def test_repeating_a_definition_changes_nothing(empty, watching, make, before):
    told = empty if before else watching()
    for command in (
        DefineProbe(probe=make.probe()),
        DefineProbe(probe=make.probe(id="db", kind=ProbeKind.POSTGRES)),
        DefineRule(rule=make.rule()),
        DefineSlo(slo=make.slo()),
    ):
        told = told.when(command)
        assert len(told.outcome) == 1
        told = told.when(command).then_nothing()


def test_a_component_that_the_design_lacks_is_refused_once_watching(watching, make):
    told = watching()
    told.when(DefineProbe(probe=make.probe(component="crm"))).then_refused(
        "probe.component", "component-is-known"
    )
    told.when(DefineRule(rule=make.rule(component="crm"))).then_refused(
        "rule.component", "component-is-known"
    )
    told.when(DefineSlo(slo=make.slo())).then(SloDefined(slo=make.slo()))


@pytest.mark.parametrize(
    ("kind", "target", "rule"),
    [
        (ProbeKind.TCP, "127.0.0.1", "tcp-target-is-host-and-port"),
        (ProbeKind.TCP, "127.0.0.1:70000", "tcp-target-is-host-and-port"),
        (ProbeKind.TCP, ":80", "tcp-target-is-host-and-port"),
        (ProbeKind.TCP, "10.0.0.1:80", "target-in-probe-networks"),
        (ProbeKind.TCP, "[::1]:80", "target-in-probe-networks"),
        (ProbeKind.HTTP, "ftp://127.0.0.1/", "http-target-is-a-url"),
        (ProbeKind.HTTP, "127.0.0.1:80", "http-target-is-a-url"),
        (ProbeKind.HTTP, "http://127.0.0.1:x/", "http-target-is-a-url"),
        (ProbeKind.HTTP, "http://anna:secret@127.0.0.1/", "no-credentials-in-url"),
        (ProbeKind.HTTP, "http://169.254.169.254/latest", "target-in-probe-networks"),
    ],
)
def test_targets_that_probes_may_not_have_are_refused(watching, make, kind, target, rule):
    watching().when(DefineProbe(probe=make.probe(kind=kind, target=target))).then_refused(
        "probe.target", rule
    )


def test_networks_of_the_setting_widen_what_is_allowed(make):
    decide = decider((ip_network("10.0.0.0/8"),))
    context = Context("ENG-TEST1", "acme", NOON, "m")

    events = decide(State(), DefineProbe(probe=make.probe(target="10.1.2.3:80")), context)

    assert events == [ProbeDefined(probe=make.probe(target="10.1.2.3:80"))]


def test_a_postgres_probe_of_somebody_elses_endpoint_is_refused(watching, make):
    foreign = make.endpoint.model_copy(update={"port": 6666})
    probe = make.probe(kind=ProbeKind.POSTGRES, endpoint=foreign)

    watching().when(DefineProbe(probe=probe)).then_refused("probe.endpoint", "endpoint-is-the-built-one")


def test_changing_a_firing_rule_ends_its_alert_and_incident(watching, make):
    told = watching(DefineRule(rule=make.rule(for_seconds=0)), make.judge((0, 400)))

    told = told.when(DefineRule(rule=make.rule(threshold=500)), at=make.minute(3))

    told.then(
        RuleDefined(rule=make.rule(threshold=500)),
        AlertResolved(alert="rule:slow", at=make.minute(3)),
        IncidentResolved(
            incident="INC-1",
            at=make.minute(3),
            duration_seconds=180,
            resolved_by="monitoring",
            note="All its alerts have ended.",
        ),
    )


def test_changing_a_down_probe_ends_its_alert(watching, make):
    down = RecordProbe(
        probe="shop", up=False, checked_at=NOON, checks=2, failures=2, mean_ms=1, detail="gone"
    )
    told = watching(DefineProbe(probe=make.probe()), down)

    told = told.when(DefineProbe(probe=make.probe(interval_seconds=5)))

    told.then_types(ProbeDefined, AlertResolved, IncidentResolved)
    assert told.last(ProbeDefined).generation == 2
