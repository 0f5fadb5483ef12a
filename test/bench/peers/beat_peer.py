"""Celery beat with BENCH_ENTRIES entries, the i-th first due at BENCH_FIRST + i * BENCH_APART ms and then every BENCH_EVERY ms.

Its schedule lies in memory: the shelve that beat keeps by default would only cost it time.
"""
import os
from datetime import datetime, timedelta, timezone

from celery.beat import Scheduler
from celery.schedules import schedule

from celery_peer import app

ENTRIES = int(os.environ["BENCH_ENTRIES"])
FIRST = float(os.environ["BENCH_FIRST"])
APART = float(os.environ["BENCH_APART"])
EVERY = timedelta(milliseconds=float(os.environ["BENCH_EVERY"]))

app.conf.beat_schedule = {
    f"entry-{i}": {"task": "arrive", "schedule": schedule(run_every=EVERY), "args": (i,)} for i in range(ENTRIES)
}


class PlannedScheduler(Scheduler):
    """Beat's own scheduler, told when each entry ran last so that the next one is due at its planned moment."""

    def __init__(self, *args, **kwargs):
        self._store = {}
        super().__init__(*args, **kwargs)

    @property
    def schedule(self):
        return self._store

    def setup_schedule(self):
        self.merge_inplace(self.app.conf.beat_schedule)
        for i in range(ENTRIES):
            planned = datetime.fromtimestamp((FIRST + i * APART) / 1000, tz=timezone.utc)
            self._store[f"entry-{i}"].last_run_at = planned - EVERY
