"""Works out the fires of ../clockChangeCases.ts anew, by other means than Gleaner's: Python's zoneinfo, one local minute after another.

    python3 libs/schedule/src/testing/clock_change_cases.py           says where the table differs (exit code 1)
    python3 libs/schedule/src/testing/clock_change_cases.py --write   writes the fires into the table

A new case is added to the table with `fires: []` and filled by --write. Needs Python 3.9 and the zone data of the system or of `pip install tzdata`.
"""
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

TABLE = Path(__file__).parent.parent / "clockChangeCases.ts"
CASE = re.compile(r"\{ name: '(?P<name>[^']+)', zone: '(?P<zone>[^']+)', cron: '(?P<cron>[^']+)', gap: '(?P<gap>\w+)', fold: '(?P<fold>\w+)', from: '(?P<start>[^']+)', until: '(?P<until>[^']+)',\n    fires: \[(?P<fires>[^\]]*)\] \}")
MINUTE = timedelta(minutes=1)


def field(text, low, high):
    """The values of a cron field, and those of them that `*` or a step names."""
    values, running = set(), set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = (str(low), "", str(high)) if span == "*" else span.partition("-")
        named = range(int(first), int(last or (high if step else first)) + 1, int(step or 1))
        values.update(named)
        if span == "*" or step:
            running.update(named)
    return values, running


def fires(case):
    minutes, hours, days, months, weekdays = (field(text, low, high) for text, low, high in zip(case["cron"].split(), (0, 0, 1, 1, 0), (59, 23, 31, 12, 7)))
    zone = ZoneInfo(case["zone"])
    utc_of = lambda text: datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=timezone.utc)
    start, until = utc_of(case["start"]), utc_of(case["until"])
    _, _, day_text, _, weekday_text = case["cron"].split()
    found = set()
    local = (start - timedelta(days=3)).replace(tzinfo=None)
    while local < (until + timedelta(days=3)).replace(tzinfo=None):
        by_day, by_weekday = local.day in days[0], local.isoweekday() % 7 in {day % 7 for day in weekdays[0]}
        day_fits = by_day or by_weekday if day_text != "*" and weekday_text != "*" else by_day and by_weekday
        if local.minute in minutes[0] and local.hour in hours[0] and local.month in months[0] and day_fits:
            first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
            exists = first.astimezone(zone).replace(tzinfo=None) == local
            if not exists:
                if case["gap"] == "shift":
                    found.add(first)  # fold=0 in a gap counts with the offset before it: the local time comes out later by the gap's length
            elif first == second:
                found.add(first)
            else:
                found.update({"first": {first}, "second": {second}, "both": {first, second}}["both" if local.hour in hours[1] else case["fold"]])
        local += MINUTE
    return [moment.strftime("%Y-%m-%dT%H:%MZ") for moment in sorted(found) if start < moment <= until]


def main():
    differing = []

    def again(match):
        case = match.groupdict()
        text = ", ".join(f"'{moment}'" for moment in fires(case))
        if text != case["fires"]:
            differing.append(f"{case['zone']}: {case['name']} (gap {case['gap']}, fold {case['fold']})\n  table   {case['fires']}\n  zoneinfo {text}")
        return match.group(0).replace(f"fires: [{case['fires']}]", f"fires: [{text}]")

    table = TABLE.read_text()
    cases = len(CASE.findall(table))
    if cases != table.count("{ name: "):
        sys.exit(f"expected {table.count('{ name: ')} cases in {TABLE}; could read {cases}")
    written = CASE.sub(again, table)
    if "--write" in sys.argv:
        TABLE.write_text(written)
    print("\n".join(differing) or f"all {cases} cases are as zoneinfo has them")
    return 1 if differing and "--write" not in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
