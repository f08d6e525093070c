import pytest

from feedback.engine.linking import best_match
from feedback.engine.mail import automatic_reason

TITLES = {
    "R-1": "Orders are entered once",
    "R-10": "Approval of purchase requests on the phone",
    "erp": "Order system",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("About R-1: it fails", "R-1"),
        ("r-10 please", "R-10"),
        ("see R-1-b or R-100", None),
        ("R-1 and R-10 both", None),
        ("Since Monday our orders have to be entered twice, not once", "R-1"),
        ("How do I give approval to purchase requests by phone?", "R-10"),
        ("The ERP hangs", "erp"),
        ("enterprise software", None),
        ("The coffee machine is broken", None),
        ("", None),
    ],
)
def test_a_text_is_linked_to_the_one_thing_it_speaks_of(text, expected):
    assert best_match(text, TITLES) == expected


def test_without_candidates_nothing_is_linked():
    assert best_match("R-1", {}) is None


@pytest.mark.parametrize(
    ("sender", "subject", "auto_submitted", "expected"),
    [
        ("kim@client.example", "Printer", True, "an automatic reply"),
        ("kim@client.example", "Automatic reply: Printer", False, "an automatic reply"),
        ("kim@client.example", "Out of Office until Monday", False, "an automatic reply"),
        ("MAILER-DAEMON@mx.example", "x", False, "a report about mail that could not be delivered"),
        ("Mail <mailer-daemon@mx.example>", "x", True, "a report about mail that could not be delivered"),
        ("<>", "x", False, "a report about mail that could not be delivered"),
        (
            "kim@x.example",
            "Undelivered Mail Returned to Sender",
            False,
            "a report about mail that could not be delivered",
        ),
        ("kim@client.example", "Undelivered parcels are not shown", False, None),
        ("kim@client.example", "Printer", False, None),
        ("kim@client.example", "How do I set an out of office note?", False, None),
    ],
)
def test_mail_of_machines_is_told_from_mail_of_people(sender, subject, auto_submitted, expected):
    assert automatic_reason(sender, subject, auto_submitted) == expected
