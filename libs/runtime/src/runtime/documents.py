"""The GraphQL operations that the command line and the demo send."""

_ENTRY = "cursor id type service at actor causationId correlationId traceId data summary"
_RESULT = f"""
  __typename
  ... on Accepted {{ commandId engagementId cursor events {{ {_ENTRY} }} }}
  ... on Refused {{ commandId code field rule message }}
  ... on Pending {{ commandId message }}
"""

SUBMIT = f"""
mutation Submit($type: String!, $engagement: ID, $data: JSON!, $key: String, $waitMs: Int!) {{
  submitCommand(type: $type, engagement: $engagement, data: $data, idempotencyKey: $key, waitMs: $waitMs) {{
    {_RESULT}
  }}
}}
"""

COMMAND = f"query Command($id: ID!) {{ command(id: $id) {{ {_RESULT} }} }}"

TIMELINE = f"""
query Timeline($engagement: ID!, $first: Int, $after: Int, $types: [String!]) {{
  timeline(engagement: $engagement, first: $first, after: $after, types: $types) {{
    entries {{ {_ENTRY} }} endCursor hasMore
  }}
}}
"""

CHANGES = f"""
subscription Changes($id: ID!, $after: Int) {{
  engagementChanged(id: $id, after: $after) {{ cursor entry {{ {_ENTRY} }} }}
}}
"""

_LETTER = "id status service topic field reason code at engagement messageId traceId"

DEAD_LETTERS = f"""
query DeadLetters($first: Int!, $after: String, $status: String, $service: String) {{
  deadLetters(first: $first, after: $after, status: $status, service: $service) {{
    nodes {{ {_LETTER} }} endCursor hasNextPage
  }}
}}
"""

_HEAD = "id key title stage cursor cycle openedAt updatedAt client { name } health { state reason }"

ENGAGEMENTS = f"""
query Engagements($first: Int!, $after: String) {{
  engagements(first: $first, after: $after) {{
    edges {{ node {{ {_HEAD} }} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""

ENGAGEMENT = f"""
query Engagement($id: ID!) {{
  engagement(id: $id) {{
    {_HEAD} currency budget startOn targetOn
    stages {{ name state startedAt doneAt }}
    refusals {{ commandId command field rule message actor at }}
  }}
}}
"""

REDRIVE = f"mutation Redrive($id: ID!) {{ redriveDeadLetter(id: $id) {{ {_LETTER} }} }}"

DISCARD = f"""
mutation Discard($id: ID!, $reason: String!) {{
  discardDeadLetter(id: $id, reason: $reason) {{ {_LETTER} }}
}}
"""

LETTER_FIELDS = f"{_LETTER} partition offset key value headers {{ name value }} decidedBy decidedAt note"

DEAD_LETTERS_IN_FULL = f"""
query DeadLettersInFull($after: String) {{
  deadLetters(first: 100, after: $after) {{ nodes {{ {LETTER_FIELDS} }} endCursor hasNextPage }}
}}
"""
