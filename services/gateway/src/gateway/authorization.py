"""Which role may do what: one table, deny by default. A new field, command or route needs its line here."""

from collections.abc import Mapping
from typing import Final

from gateway.auth import Caller, Role

READERS: Final = frozenset({Role.VIEWER, Role.CLIENT, Role.CONSULTANT, Role.OPERATOR})
TEAM: Final = frozenset({Role.CONSULTANT})
# What binds the client is for the client to say.
SIGNATORY: Final = frozenset({Role.CLIENT})
BOTH: Final = frozenset({Role.CLIENT, Role.CONSULTANT})
RUNNING: Final = frozenset({Role.CONSULTANT, Role.OPERATOR})
ANYONE: Final = frozenset({Role.CLIENT, Role.CONSULTANT, Role.OPERATOR})
OPERATORS: Final = frozenset({Role.OPERATOR})
PUBLISHERS: Final = frozenset({Role.PUBLISHER})

COMMANDS: Final[Mapping[str, frozenset[Role]]] = {
    "intake.open_engagement": TEAM,
    "intake.register_stakeholder": TEAM,
    "intake.record_session": TEAM,
    "intake.record_statement": BOTH,
    "intake.define_questionnaire": TEAM,
    "intake.record_answers": BOTH,
    "intake.record_pain_point": BOTH,
    "intake.record_requirement": BOTH,
    "intake.agree_kpi": BOTH,
    "intake.score_requirements": TEAM,
    "intake.propose_plan": TEAM,
    "intake.agree_plan": SIGNATORY,
    "design.offer_catalogue": TEAM,
    "design.approve_proposal": SIGNATORY,
    "design.reject_proposal": SIGNATORY,
    "design.request_revision": BOTH,
    "provisioning.offer_people": RUNNING,
    "provisioning.hold_kickoff": TEAM,
    "provisioning.retry_build": RUNNING,
    "migration.register_source": RUNNING,
    "migration.approve_mapping": BOTH,
    "migration.restart_migration": RUNNING,
    "monitoring.define_probe": RUNNING,
    "monitoring.define_rule": RUNNING,
    "monitoring.define_slo": RUNNING,
    "monitoring.acknowledge_incident": RUNNING,
    "monitoring.resolve_incident": RUNNING,
    "feedback.open_ticket": ANYONE,
    "feedback.answer_ticket": RUNNING,
    "feedback.resolve_ticket": RUNNING,
    "feedback.record_survey": ANYONE,
    "feedback.evaluate_outcomes": TEAM,
    "feedback.accept_improvement": BOTH,
    "feedback.reject_improvement": BOTH,
    "operations.retry_blocked": OPERATORS,
    "operations.skip_blocked": OPERATORS,
    "operations.declare_lost": OPERATORS,
}

FIELDS: Final[Mapping[str, frozenset[Role]]] = {
    "Query.engagement": READERS,
    "Query.engagements": READERS,
    "Query.node": READERS,
    "Query.timeline": READERS,
    "Query.valueThread": READERS,
    "Query.why": READERS,
    "Query.command": READERS,
    "Query.deadLetters": OPERATORS,
    "Subscription.engagementChanged": READERS,
    # Which command it carries is authorised by that command's own line.
    "Mutation.submitCommand": ANYONE,
    "Mutation.redriveDeadLetter": OPERATORS,
    "Mutation.discardDeadLetter": OPERATORS,
    "ingress.events": PUBLISHERS,
    "ingress.alertmanager": PUBLISHERS,
}


class Forbidden(Exception):
    """The caller's roles do not allow the action; the text is safe to show."""

    def __init__(self, action: str) -> None:
        super().__init__(f"your roles do not allow {action}")
        self.action = action


def mutation_name(command: str) -> str:
    """`intake.score_requirements` is the mutation `scoreRequirements`."""
    first, *rest = command.partition(".")[2].split("_")
    return first + "".join(word.capitalize() for word in rest)


ACTIONS: Final[Mapping[str, frozenset[Role]]] = {
    **FIELDS,
    **COMMANDS,
    **{f"Mutation.{mutation_name(command)}": roles for command, roles in COMMANDS.items()},
}


def authorise(caller: Caller, action: str) -> None:
    """Raises Forbidden unless one of the caller's roles is in the action's line; no line allows nobody."""
    if not caller.roles & ACTIONS.get(action, frozenset()):
        raise Forbidden(action)
