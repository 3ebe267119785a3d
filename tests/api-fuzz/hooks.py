"""What schemathesis does to the document before it generates requests, and to requests before it sends them."""

import itertools

import schemathesis

COUNT = itertools.count(1)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Leaves out what cannot be generated from the document.

    - CBOR: the schemas tell the JSON model, and CBOR writes it with numbers for names. The fuzz target of the HTTP side (`fuzz/`)
      and `tests/interop` send CBOR.
    - `if`/`then` of EventData, from which nothing can be generated: the same as a choice, one for each event.
    """
    for item in raw_schema["paths"].values():
        for operation in item.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                body.get("content", {}).pop("application/cbor", None)
    schemas = raw_schema["components"]["schemas"]
    rules = schemas["EventData"].pop("allOf")
    names = [rule["if"]["properties"]["event"]["const"] for rule in rules]
    choices = [
        {"properties": {"event": rule["if"]["properties"]["event"], "data": rule["then"]["properties"]["data"]}, "required": ["event", "data"]}
        for rule in rules
    ]
    own = {"properties": {"event": {"not": {"enum": names}}}, "required": ["event"]}
    schemas["EventData"]["anyOf"] = [*choices, own]


@schemathesis.hook
def before_call(context, case, kwargs):
    """What makes a request depend on the ones before it is taken out of those that must be accepted.

    A key that was used with another body is refused, and so is a cursor that no page gave: both are right, and have tests of their
    own (server/tests/relay/idempotency.rs, server/tests/store/paging.rs). Requests that must be refused stay as they are.
    """
    body = case.body if isinstance(case.body, dict) else {}
    wait = body.get("waitMs")
    if isinstance(wait, (int, float)) and not isinstance(wait, bool) and 0 < wait <= 2**53:
        # A poll that waits says nothing new, only later.
        body["waitMs"] = 1
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    number = next(COUNT)
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key-{number}"
    if case.query and not case.path.endswith("/devices"):
        case.query.pop("before", None)
    for field in ("key", "clientId", "executionId"):
        if isinstance(body.get(field), str):
            body[field] = f"{field}-{number}"
