"""What operators ask of any service's backbone: retry or skip what is blocked. No business meaning."""

from typing import ClassVar

from schemas.base import Command, Prose, Ref


class RetryBlocked(Command):
    """Try the engagement's blocked messages again now."""

    type: ClassVar[str] = "operations.retry_blocked"
    service_name: Ref
    requested_by: Ref


class SkipBlocked(Command):
    """Give up the message at the head of a blocked engagement; it goes to the dead letters."""

    type: ClassVar[str] = "operations.skip_blocked"
    service_name: Ref
    message_id: str
    requested_by: Ref
    reason: Prose
