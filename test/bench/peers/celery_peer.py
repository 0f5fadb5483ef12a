"""Celery as people use it beside Gleaner: a task that fetches and stores, asked for over RabbitMQ; and an empty one for the schedule rows.

The worker is `celery -A celery_peer worker`; run as a script this is the caller: one JSON object a line as for gather_peer.py,
answered once the task's result has come back; with "burst": n it asks for n at once and answers when all have come back.
"""
import json
import os
import sys
import time

from celery import Celery

import gather_peer

app = Celery("celery_peer", broker=os.environ["BENCH_AMQP_URL"], backend="rpc://")
app.conf.update(task_serializer="json", result_serializer="json", accept_content=["json"], broker_connection_retry_on_startup=True)


@app.task(name="gather")
def gather(how, url, collection, run, form):
    return gather_peer.gather(how, url, collection, run, form)


_arrivals = None


@app.task(name="arrive", ignore_result=True)
def arrive(entry):
    """Notes which entry of the schedule came, and when."""
    global _arrivals
    at = time.time()
    if _arrivals is None:
        _arrivals = open(os.environ["BENCH_ARRIVALS"], "a", buffering=1, encoding="ascii")
    _arrivals.write(f"{entry} {at * 1000:.3f}\n")


def main():
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        began = time.perf_counter()
        try:
            results = [
                gather.delay(order["how"], order["url"], order["collection"], order["run"], order.get("format", "json"))
                for _ in range(order.get("burst", 1))
            ]
            items = sum(result.get(timeout=300) for result in results)
            print(json.dumps({"ms": (time.perf_counter() - began) * 1000, "items": items}), flush=True)
        except Exception as error:  # the bench shows it and ends the row
            print(json.dumps({"error": repr(error)}), flush=True)


if __name__ == "__main__":
    main()
