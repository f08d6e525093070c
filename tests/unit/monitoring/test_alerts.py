from dataclasses import replace

import pytest

from monitoring.model.alerts import ALERTS_LIMIT
from schemas.monitoring import (
    AcknowledgeIncident,
    AlertFired,
    AlertQuarantined,
    AlertResolved,
    DefineRule,
    ExternalAlert,
    IncidentAcknowledged,
    IncidentGrew,
    IncidentOpened,
    IncidentResolved,
    RecordAlerts,
    ResolveIncident,
    Severity,
)


@pytest.fixture
def notify(make):
    def _notify(**changes):
        base = ExternalAlert(
            fingerprint="a1b2", name="DiskFull", firing=True, severity=Severity.CRITICAL, component="erp",
            starts_at=make.minute(0), summary="Disk is 98 % full",
        )  # fmt: skip
        return RecordAlerts(alerts=(base.model_copy(update=changes),))

    return _notify


def test_a_notified_alert_opens_an_incident_and_its_end_resolves_it(watching, make, notify):
    told = watching().when(notify()).then_types(AlertFired, IncidentOpened)
    fired = told.last(AlertFired)
    assert (fired.alert, fired.origin, fired.at) == ("alertmanager:a1b2", "alertmanager", make.minute(0))
    assert fired.summary == "DiskFull: Disk is 98 % full"

    told = told.when(notify(firing=False, ends_at=make.minute(30))).then_types(
        AlertResolved, IncidentResolved
    )
    assert told.last(IncidentResolved).duration_seconds == 1_800


def test_the_same_notification_twice_is_one_alert(watching, notify):
    watching(notify()).when(notify()).then_nothing()


def test_two_alerts_of_one_notification_share_the_incident_of_their_component(watching, make, notify):
    both = RecordAlerts(alerts=(*notify().alerts, *notify(fingerprint="c3d4", name="LoadHigh").alerts))

    told = watching().when(both)

    told.then_types(AlertFired, IncidentOpened, AlertFired, IncidentGrew)


def test_a_late_repetition_of_an_ended_alert_does_not_bring_it_back(watching, make, notify):
    told = watching(notify(), notify(firing=False, ends_at=make.minute(5)))

    told.when(notify()).then_nothing()
    told.when(notify(firing=False, ends_at=make.minute(5))).then_nothing()
    told.when(notify(starts_at=make.minute(9))).then_types(AlertFired, IncidentOpened)


def test_the_end_of_an_earlier_occurrence_does_not_end_the_present_one(watching, make, notify):
    told = watching(notify(starts_at=make.minute(9)))

    told.when(notify(firing=False, starts_at=make.minute(0), ends_at=make.minute(5))).then_nothing()


def test_the_end_of_an_alert_never_seen_changes_nothing(watching, make, notify):
    watching().when(notify(firing=False, ends_at=make.minute(5))).then_nothing()


def test_an_unknown_component_is_quarantined_and_neighbours_are_not(watching, notify):
    both = RecordAlerts(alerts=(*notify(component="crm").alerts, *notify(fingerprint="c3d4").alerts))

    told = watching().when(both).then_types(AlertQuarantined, AlertFired, IncidentOpened)

    assert told.last(AlertQuarantined).alert.component == "crm"
    assert told.last(AlertQuarantined).reason == "the design has no component 'crm'; it has erp, database"


def test_an_alert_from_before_watching_is_quarantined_and_taken_when_it_repeats(empty, make, notify):
    told = empty.when(notify()).then_types(AlertQuarantined).when(make.start())

    told.when(notify()).then_types(AlertFired, IncidentOpened)


def test_acknowledging_takes_an_incident_once(watching, notify):
    command = AcknowledgeIncident(incident="INC-1", acknowledged_by="ops-jo")

    told = watching(notify()).when(command)

    told.then(IncidentAcknowledged(incident="INC-1", acknowledged_by="ops-jo"))
    told.when(command).then_nothing()
    other = AcknowledgeIncident(incident="INC-1", acknowledged_by="ops-kim")
    told.when(other).then_refused("incident", "incident-is-not-taken")


@pytest.mark.parametrize("incident", ["INC-0", "INC-2", "INC-01", "INC-x", "first"])
def test_an_incident_that_does_not_exist_is_refused(watching, notify, incident):
    told = watching(notify())

    acknowledge = AcknowledgeIncident(incident=incident, acknowledged_by="ops-jo")
    told.when(acknowledge).then_refused("incident", "incident-exists")
    resolve = ResolveIncident(incident=incident, resolved_by="ops-jo", note="done")
    told.when(resolve).then_refused("incident", "incident-exists")


def test_a_resolved_incident_cannot_be_taken_and_resolving_it_again_changes_nothing(watching, make, notify):
    told = watching(notify(), notify(firing=False, ends_at=make.minute(5)))

    acknowledge = AcknowledgeIncident(incident="INC-1", acknowledged_by="ops-jo")
    told.when(acknowledge).then_refused("incident", "incident-is-open")
    told.when(ResolveIncident(incident="INC-1", resolved_by="ops-jo", note="done")).then_nothing()


def test_resolving_by_hand_is_refused_while_an_alert_fires(watching, make):
    told = watching(DefineRule(rule=make.rule(for_seconds=0)), make.judge((0, 400)))

    told.when(ResolveIncident(incident="INC-1", resolved_by="ops-jo", note="looks fine")).then_refused(
        "incident", "alerts-have-ended"
    )


def test_resolving_by_hand_closes_an_incident_whose_outside_alert_has_lapsed(watching, make, notify):
    told = watching(notify(ends_at=make.minute(10)))
    command = ResolveIncident(incident="INC-1", resolved_by="ops-jo", note="Disk replaced")

    told.when(command, at=make.minute(9)).then_refused("incident", "alerts-have-ended")
    told.when(command, at=make.minute(20)).then(
        AlertResolved(alert="alertmanager:a1b2", at=make.minute(20)),
        IncidentResolved(
            incident="INC-1",
            at=make.minute(20),
            duration_seconds=1_200,
            resolved_by="ops-jo",
            note="Disk replaced",
        ),
    )


def test_a_fingerprint_of_any_length_is_a_valid_alert(watching, notify):
    told = watching().when(notify(fingerprint="f" * 64)).then_types(AlertFired, IncidentOpened)

    told.when(notify(fingerprint="f" * 64)).then_nothing()


def test_alerts_without_end_are_quarantined(watching, notify):
    told = watching(notify())
    firing = dict.fromkeys(
        [f"alertmanager:{n}" for n in range(ALERTS_LIMIT)], told.state.alerts["alertmanager:a1b2"]
    )
    full = replace(told, state=told.state.model_copy(update={"alerts": firing}))

    told = full.when(notify(fingerprint="one-more")).then_types(AlertQuarantined)
    assert told.last(AlertQuarantined).reason.startswith(f"{ALERTS_LIMIT} alerts are firing already")
    full.when(notify(fingerprint="7", firing=False)).then_types(AlertResolved)
