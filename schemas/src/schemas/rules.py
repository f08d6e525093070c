"""What a service's rules are given and how they say no."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Context:
    """About the message being decided: when and by whom it was asked, for which engagement."""

    engagement: str
    tenant: str
    at: datetime
    message_id: str
    actor: str = "system"


class Refused(Exception):
    """A command broke a rule: which field, which rule (a stable slug), and why, for a person."""

    def __init__(self, field: str, rule: str, reason: str, code: str = "RULE") -> None:
        super().__init__(f"{field}: {reason} [{rule}]")
        self.field, self.rule, self.reason, self.code = field, rule, reason, code
