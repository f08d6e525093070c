"""What upstream events make intake ask itself."""

from collections.abc import Mapping

from messaging.service import Reaction
from schemas.base import Event
from schemas.feedback import ImprovementAccepted
from schemas.inbound import QuestionnaireAnswered, StatementCaptured
from schemas.intake import OpenCycle, RecordAnswers, RecordStatement


def _open_cycle(event: ImprovementAccepted) -> OpenCycle:
    improvement = event.improvement
    return OpenCycle(
        improvement=improvement.id, requirement=improvement.requirement, because=improvement.because
    )


REACTIONS: Mapping[type[Event], Reaction] = {
    StatementCaptured: lambda e: RecordStatement(statement=e.statement),
    QuestionnaireAnswered: lambda e: RecordAnswers(answers=e.answers),
    ImprovementAccepted: _open_cycle,
}
