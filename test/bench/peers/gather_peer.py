"""What people write by hand beside Gleaner: requests, then pymongo or mongoengine, storing a whole copy each time.

Reads one JSON object a line: {"how": "pymongo"|"mongoengine", "url", "format", "collection", "run"}; answers each with a line
{"ms", "items"} once the write is acknowledged, or {"error"}. With "read": n in place of "url" it reads n items of the newest copy,
or of the one that was the newest at "at", sorted by id, and makes JSON of them, as whoever serves them would: {"ms", "items"}.
Ends with its standard input.
"""
import csv
import io
import json
import os
import re
import sys
import time
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timezone

import mongoengine
import pymongo
import requests
from bs4 import BeautifulSoup

KEPT = {
    "id": "Id", "name": "Name", "marketValue": "MarketValue", "minBuyout": "MinBuyout", "quantity": "Quantity",
    "auctions": "NumAuctions", "historicalPrice": "HistoricalPrice", "regionMarketAvg": "RegionMarketAvg",
}
NUMBERS = {stored for stored in KEPT if stored != "name"}

LINE = re.compile("^" + r"\|".join(f"{name}=(?P<{name}>[^|\\n]*)" for name in KEPT.values()), re.MULTILINE)

session = requests.Session()
_databases = {}


def database():
    url = os.environ["BENCH_MONGO_URL"]
    if url not in _databases:
        _databases[url] = pymongo.MongoClient(url).get_default_database()
    return _databases[url]


class Item(mongoengine.Document):
    """An item as an ODM wants it: a class with a field for each value."""

    run = mongoengine.StringField(required=True)
    at = mongoengine.DateTimeField(required=True)
    item_id = mongoengine.IntField(required=True)
    name = mongoengine.StringField()
    marketValue = mongoengine.LongField()
    minBuyout = mongoengine.LongField()
    quantity = mongoengine.IntField()
    auctions = mongoengine.IntField()
    historicalPrice = mongoengine.LongField()
    regionMarketAvg = mongoengine.LongField()
    meta = {"collection": "mongoengine_items", "auto_create_index": False}


def fetch(url, form):
    answer = session.get(url, timeout=60)
    answer.raise_for_status()
    if form == "json":
        return answer.json()
    if form == "ndjson":
        return [json.loads(line) for line in answer.text.splitlines() if line]
    if form == "csv":
        return list(csv.DictReader(io.StringIO(answer.text)))
    if form == "tsv":
        return list(csv.DictReader(io.StringIO(answer.text), delimiter="\t"))
    if form == "xml":
        return [{child.tag: child.text for child in item} for item in ElementTree.fromstring(answer.content)]
    if form == "html":
        page = BeautifulSoup(answer.content, "lxml")
        return [{cell["class"][0]: cell.get_text() for cell in row.find_all("td")} for row in page.find_all("tr", class_="item")]
    if form == "text":
        return [match.groupdict() for match in LINE.finditer(answer.text)]
    raise ValueError(f"expected json, ndjson, csv, tsv, xml, html or text; saw {form}")


def keep(items, form):
    if form in ("json", "ndjson"):
        return [{stored: item[name] for stored, name in KEPT.items()} for item in items]
    return [{stored: int(item[name]) if stored in NUMBERS else item[name] for stored, name in KEPT.items()} for item in items]


def gather(how, url, collection, run, form="json"):
    """Fetches, keeps eight fields of each item and stores them all; returns how many."""
    kept = keep(fetch(url, form), form)
    at = datetime.now(timezone.utc)
    if how == "pymongo":
        for item in kept:
            item["run"] = run
            item["at"] = at
        database()[collection].insert_many(kept)
    else:
        documents = [Item(run=run, at=at, item_id=item.pop("id"), **item) for item in kept]
        # load_bulk would read every document back: nobody who cares for speed leaves it on.
        Item.objects.insert(documents, load_bulk=False)
    return len(kept)


def copy_at(collection, at):
    """The copy that was the newest at a moment (None: now), found as people find it: by an index on the time."""
    moment = {} if at is None else {"at": {"$lte": datetime.fromisoformat(at.replace("Z", "+00:00"))}}
    newest = database()[collection].find_one(moment, sort=[("at", -1)])
    return newest["run"]


def read(how, collection, limit, at=None):
    """Reads items of a whole copy and makes JSON of them; returns how many."""
    name = "mongoengine_items" if how == "mongoengine" else collection
    run = copy_at(name, at)
    if how == "pymongo":
        found = list(database()[name].find({"run": run}, {"_id": 0}).sort("id", 1).limit(limit))
    else:
        found = [item.to_mongo().to_dict() for item in Item.objects(run=run).order_by("item_id").limit(limit)]
    json.dumps([{key: value for key, value in item.items() if key not in ("at", "run", "_id")} for item in found])
    return len(found)


def index_copies(collection):
    for name, key in ((collection, "id"), ("mongoengine_items", "item_id")):
        database()[name].create_index([("run", 1), (key, 1)])
        database()[name].create_index([("at", -1)])


def main():
    mongoengine.connect(host=os.environ["BENCH_MONGO_URL"])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        began = time.perf_counter()
        try:
            if "read" in order:
                items = read(order["how"], order["collection"], order["read"], order.get("at"))
            elif order["how"] == "index":
                items = index_copies(order["collection"])
            else:
                items = gather(order["how"], order["url"], order["collection"], order["run"], order.get("format", "json"))
            print(json.dumps({"ms": (time.perf_counter() - began) * 1000, "items": items}), flush=True)
        except Exception as error:  # the bench shows it and ends the row
            print(json.dumps({"error": repr(error)}), flush=True)


if __name__ == "__main__":
    main()
