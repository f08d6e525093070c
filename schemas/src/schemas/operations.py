"""What operators ask of any service's backbone: retry or skip what is blocked. No business meaning."""

from typing import ClassVar

from schemas.base import Command, Prose, Ref


class RetryBlocked(Command):
    """Try the engagement's blocked messages again now."""

    type: ClassVar[str] = "operations.retry_blocked"
    service_name: Ref
    requested_by: Ref


class SkipBlocked(Command):
    """Give up a message that others wait for: it goes to the dead letters, and the rest goes on.

    Answered by `<service>.delivery_overruled`. Redriven later, it takes effect then, after what followed it.
    """

    type: ClassVar[str] = "operations.skip_blocked"
    service_name: Ref
    message_id: str
    requested_by: Ref
    reason: Prose


class DeclareLost(Command):
    """Say that what is missing before this message, the first of its stream that waits, will never come.

    Answered by `<service>.delivery_overruled`. What comes after all is dropped as old.
    """

    type: ClassVar[str] = "operations.declare_lost"
    service_name: Ref
    message_id: str
    requested_by: Ref
    reason: Prose
