"""The content digest that an approval is bound to."""

import json
from hashlib import sha256

from schemas.design import Proposal


def content_digest(proposal: Proposal) -> str:
    """SHA-256 of the proposal as canonical JSON: sorted keys, no blanks, UTF-8."""
    canonical = json.dumps(
        proposal.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return sha256(canonical.encode()).hexdigest()
