"""Working days: Monday to Friday, counted from the start of the project."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Workdays:
    """Day 0 is the first working day on or after `start_on`."""

    start_on: date

    @property
    def first(self) -> date:
        weekday = self.start_on.weekday()
        return self.start_on + timedelta(days=7 - weekday if weekday > 4 else 0)

    def day(self, number: int) -> date:
        weeks, weekday = divmod(self.first.weekday() + number, 5)
        monday = self.first - timedelta(days=self.first.weekday())
        return monday + timedelta(days=7 * weeks + weekday)

    def until(self, end: date) -> int:
        """How many working days there are up to and including `end`."""
        if end < self.first:
            return 0
        weeks, days = divmod((end - self.first).days + self.first.weekday(), 7)
        return 5 * weeks + min(days, 4) + 1 - self.first.weekday()
