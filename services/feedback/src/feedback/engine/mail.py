"""Mail that no person wrote: automatic replies and bounces."""

import re

_BOUNCE_SENDERS = re.compile(r"^\s*<?\s*>?\s*$|(^|[<\s])(mailer-daemon|postmaster)@", re.IGNORECASE)
_BOUNCE_SUBJECTS = re.compile(
    r"^(undeliver(ed|able)( mail\b|:)|delivery status notification|mail delivery (failed|subsystem)"
    r"|returned mail\b|failure notice)",
    re.IGNORECASE,
)
_REPLY_SUBJECTS = re.compile(
    r"^(auto(matic)?[ -]?reply\b|out of (the )?office\b|automatische antwort\b|abwesenheits)", re.IGNORECASE
)


def automatic_reason(sender: str, subject: str, auto_submitted: bool) -> str | None:
    """Why this mail opens no ticket, or None for a person's mail. `auto_submitted` as RFC 3834 has it."""
    if _BOUNCE_SENDERS.search(sender) or _BOUNCE_SUBJECTS.search(subject.strip()):
        return "a report about mail that could not be delivered"
    if auto_submitted or _REPLY_SUBJECTS.search(subject.strip()):
        return "an automatic reply"
    return None
