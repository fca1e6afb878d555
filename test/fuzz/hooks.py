"""What schemathesis needs to know of this service, beyond its OpenAPI document: see scripts/fuzz-api.mjs."""

import atexit
import collections
import itertools
import json
import os
import re
from urllib.parse import unquote

import schemathesis

P = "/api/v1/agent-handoff"
# Those that the run itself, and what it meets, are done with.
OWN = re.compile(r"^@(fuzz-|admin$)")
# Nobody listens there.
LOOPBACK = "http://127.0.0.1:9/"
IDEMPOTENCY_KEY = re.compile(r"^[\x21-\x7e]{1,200}$")

counter = itertools.count()
counts = collections.Counter()
by_operation = collections.defaultdict(collections.Counter)


def route_of(case):
    return f"{case.method.upper()} {case.path.removeprefix(P)}"


@schemathesis.hook
def before_call(context, case, kwargs):
    route = route_of(case)
    headers = case.headers or {}
    for name in list(headers):
        # The same key with another body is answered 422 before the body is looked at: nothing else would be met.
        if name.lower() == "idempotency-key" and IDEMPOTENCY_KEY.match(str(headers[name])):
            headers[name] = f"fuzz-{os.getpid()}-{next(counter)}"
    query = case.query or {}
    # A minute of waiting for what does not come.
    if route.endswith("/result") and str(query.get("wait_seconds", "")).isdecimal():
        if 1 < int(query["wait_seconds"]) <= 60:
            query["wait_seconds"] = 1
    path = case.path_parameters or {}
    # Else the key that it all is done with is soon revoked, and every answer is 401.
    if case.method.upper() == "DELETE" and OWN.match(unquote(str(path.get("name", "")))):
        path["name"] = "%40nobody"
    body = case.body
    if isinstance(body, dict):
        # Requests leave this machine for nobody.
        if route.endswith(("/webhooks", "/webhooks/{webhook_id}")):
            to_loopback(body)
        trigger = body.get("trigger")
        if isinstance(trigger, dict) and isinstance(trigger.get("webhook"), dict):
            to_loopback(trigger["webhook"])
        # What is registered here may be known to no key any more.
        if route == "POST /agents" and OWN.match(str(body.get("name", ""))):
            body["name"] = "@nobody"
        # A right key once in a while.
        if route == "POST /session" and set(body) == {"api_key"} and isinstance(body["api_key"], str):
            if 1 <= len(body["api_key"]) <= 200 and next(counter) % 3 == 0:
                body["api_key"] = os.environ["FUZZ_KEY"]


def to_loopback(at):
    url = at.get("url")
    if isinstance(url, str) and re.match(r"^https?://", url, re.I) and len(url) <= 2000:
        at["url"] = LOOPBACK


@schemathesis.hook
def after_call(context, case, response):
    counts[response.status_code] += 1
    by_operation[case.operation.label][response.status_code] += 1


@atexit.register
def write():
    if "FUZZ_COUNTS" in os.environ:
        with open(os.environ["FUZZ_COUNTS"], "w", encoding="utf-8") as file:
            json.dump({"statuses": counts, "operations": by_operation}, file)


# Valid by its shape, and refused all the same: by what is there, or by fields taken together, which no schema can say. Each
# is a code, where it may be answered, and what it may be about; whatever else is refused, the document should have said.
BUSINESS = [
    # What If-Match names is another by now.
    ("PRECONDITION_FAILED", r"", r""),
    ("IDEMPOTENCY_KEY_USED", r"", r""),
    # What a report still lacks is for who hands it in, a long while after it was begun.
    ("REPORT_INCOMPLETE", r"/submit$", r""),
    # A cursor of events that lies before what is kept, or after what there is.
    ("EVENTS_GONE", r"/events|/webhooks", r""),
    ("INVALID_INPUT", r"/events|/webhooks", r"^cursor: must not be over \d+, the newest$"),
    # Cursors of lists mean nothing to who gets them: only those that a page has answered are good.
    ("INVALID_REQUEST", r"^GET /handoffs$", r"^/cursor: "),
    ("INVALID_REPORT", r"^GET /reports$", r"^/cursor: "),
    # It takes a filter that leaves something out, or the word that all are meant.
    # One of the two; said as oneOf, schemathesis loses its way now and then ("inconsistent results").
    ("INVALID_INPUT", r"^POST /bulk/", r"^/filter: give filter or handoffIds"),
    ("INVALID_REQUEST", r"^POST /bulk/", r"^/filter: it leaves nothing out"),
    # Steps name actions and rules that are there, and what has an effect can be undone.
    ("INVALID_PROCEDURE", r"^POST /(procedures|handoffs|plan|validate)$", r""),
    # Names that are no file names, fields that need another, a version that is there with another content.
    ("INVALID_CONTRACT", r"^POST /(contracts|handoffs|plan|validate)$", r""),
    # It is no WebSocket that schemathesis opens.
    ("INVALID_INPUT", r"^GET /events/ws$", r"^upgrade: "),
    # The choice `merge` needs a value; a name stands there once; what no pattern can say of a name.
    ("INVALID_MESSAGE", r"/resolve$", r"^value: "),
    ("INVALID_MESSAGE", r"/return$", r'^artifacts: \d+: (".*" stands there twice|name: )'),
    # The steps of that incident.
    ("INVALID_MESSAGE", r"/rollback$", r"^toStep: "),
    # Only what the contract of that handoff expects can be handed in.
    ("RETURN_UNKNOWN", r"/return$", r""),
    ("INVALID_REQUEST", r"^POST /(handoffs|plan|validate)$", r"^/artifacts/\d+/name: "),
    ("INVALID_INPUT", r"/attachments$|/submit$", r"must be in Unicode normal form C$"),
    # Times that lie behind us, too far ahead, or in the wrong order.
    ("INVALID_REQUEST", r"^POST /(handoffs|plan|validate)$", r"^/(expiresAt|startAfter): .*(over|ahead|after)"),
    # Reports are of what there is.
    ("INVALID_REPORT", r"^POST /reports$", r"^/(pipeline_id|task_id): .*"),
    # A name that JavaScript would take for something else, in what may hold anything.
    ("INVALID_INPUT", r"", r"/__proto__: the name __proto__ is not allowed$"),
    # The schema counts characters, JavaScript their halves: of those beyond the first 65,536.
    ("INVALID_INPUT", r"/attachments$|/submit$", r"must not be longer than 200 characters$"),
    # Four thousand characters that take twelve bytes each in an address.
    ("INPUT_TOO_LARGE", r"^GET /trace$", r""),
    # Those that passed and that failed must come to those that ran.
    ("INVALID_INPUT", r"/facts$", r"^/tests: "),
    # Names that a resolver would lead into this machine's networks, or that are no names.
    ("INVALID_WEBHOOK", r"/webhooks", r"^/url: "),
]


def is_business(route, problem):
    params = problem.get("params", {})
    issues = [f"{i['path']}: {i['message']}" for i in problem.get("errors", [])]
    about = issues or [str(params.get("issues") or params.get("why"))]
    return any(
        problem.get("code") == code and re.search(where, route) and all(re.search(what, issue) for issue in about)
        for code, where, what in BUSINESS
    )


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    try:
        problem = json.loads(response.content)
    except ValueError:
        return True
    return not is_business(route_of(case), problem)
