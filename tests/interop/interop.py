"""Checks the relay with clients written from PROTOCOL.md alone; see README.md."""

import argparse
import asyncio
import base64
import inspect
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback
import urllib.error
import urllib.request

import cbor2
import websockets

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import cbor_tables as tables  # noqa: E402
import contract  # noqa: E402

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "protocol" / "PROTOCOL.md"
SECRET = "interop-secret-interop-secret-interop-secret"
ENVIRONMENT = {
    "PULSEWIRE_JWT_SECRET": SECRET,
    "PULSEWIRE_LOG": "warn",
    "PULSEWIRE_HEARTBEAT__INTERVAL_MS": "1000",
}
WITHIN = 10


class Relay:
    """A relay of our own on a free port."""

    def __init__(self, binary):
        self.binary = binary
        self.env = {**os.environ, **ENVIRONMENT}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0"], env=self.env, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        line = self.process.stdout.readline()
        found = re.match(r"listening on http://(\S+)", line)
        if not found:
            self.log.seek(0)
            raise SystemExit(f"the relay did not start: {line!r}\n{self.log.read().decode()}")
        self.address = found[1]
        with urllib.request.urlopen(f"http://{self.address}/openapi.json", timeout=WITHIN) as answer:
            self.contract = contract.Contract(json.load(answer))

    def token(self, sub="ana", tenant="clinic", *more):
        command = [self.binary, "token", "--sub", sub, "--tenant", tenant, "--name", sub.title(), *more]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def user(self, sub="ana", tenant="clinic", subscribe="*", publish="*"):
        return self.token(sub, tenant, "--subscribe", subscribe, "--publish", publish)

    def service(self, tenant="clinic"):
        return self.token("backend", tenant, "--role", "service", "--subscribe", "*", "--publish", "*", "--no-viewer")

    def http(self, method, path, token=None, body=None, cbor=False, accept=None):
        """Status and decoded body."""
        kind = "application/cbor" if cbor else "application/json"
        data = None if body is None else cbor2.dumps(body) if cbor else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data=data, method=method, headers={"Content-Type": kind, "Accept": accept or kind})
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            answer = urllib.request.urlopen(request, timeout=WITHIN)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
            self.contract.check(method, path, answer.status, answer.headers.get_content_type(), content)
            if answer.headers.get_content_type() == "application/cbor":
                return answer.status, cbor2.loads(content)
            return answer.status, json.loads(content) if content else None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class Client:
    """A small client: sends messages of the JSON model in either encoding, keeps what came."""

    def __init__(self, relay, encoding, socket):
        self.relay, self.encoding, self.socket = relay, encoding, socket
        self.inbox, self.next_id = [], 1

    @classmethod
    async def open(cls, relay, encoding, header=None, subprotocol=None):
        headers = {"Authorization": f"Bearer {header}"} if header is not None else None
        subprotocols = [subprotocol or f"pulsewire.v1.{encoding}"]
        socket = await websockets.connect(f"ws://{relay.address}/ws", subprotocols=subprotocols, additional_headers=headers)
        return cls(relay, encoding, socket)

    @classmethod
    async def welcomed(cls, relay, encoding, token, subscribe=()):
        client = await cls.open(relay, encoding)
        welcome = await client.connect(token, subscribe)
        return client, welcome

    async def send(self, *messages):
        """All of them in one frame."""
        if self.encoding == "json":
            await self.socket.send("\n".join(json.dumps(message) for message in messages))
        else:
            await self.socket.send(b"".join(cbor2.dumps(tables.write_message(message)) for message in messages))

    def command(self, type_, **fields):
        self.next_id += 1
        return {"type": type_, "id": self.next_id, **fields}

    async def connect(self, token, subscribe=()):
        info = {"name": "interop", "version": "1", "session": "s-1"}
        await self.send({"type": "connect", "id": 1, "token": token, "client": info, "subscribe": list(subscribe)})
        return await self.wait(lambda message: message["type"] == "welcome")

    async def ask(self, type_, **fields):
        command = self.command(type_, **fields)
        await self.send(command)
        return await self.wait(lambda message: message.get("id") == command["id"])

    async def receive(self):
        frame = await asyncio.wait_for(self.socket.recv(), WITHIN)
        if self.encoding == "json":
            assert isinstance(frame, str)
            messages = [json.loads(line) for line in frame.split("\n") if line.strip()]
        else:
            assert isinstance(frame, bytes)
            stream, messages = io.BytesIO(frame), []
            while stream.tell() < len(frame):
                messages.append(tables.read_message(cbor2.load(stream)))
        for message in messages:
            if message["type"] == "heartbeat":
                await self.send({"type": "pong", "ts": message["ts"]})
        self.inbox.extend(messages)

    async def wait(self, wanted):
        """The first message that is wanted; it and nothing else leaves the inbox."""
        while True:
            for index, message in enumerate(self.inbox):
                if wanted(message):
                    return self.inbox.pop(index)
            await self.receive()

    async def event(self, channel, name=None):
        return await self.wait(lambda m: m["type"] == "event" and m["channel"] == channel and name in (None, m["event"]))

    async def closed(self):
        """Code and reason with which the relay closes."""
        try:
            while True:
                await self.receive()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason

    async def close(self):
        await self.socket.close()


def entry(welcome, channel):
    return next(item for item in welcome["subscribed"] if item["channel"] == channel)


# ---- The checks: every function that begins with `check_`, once for each encoding where it takes one.


async def check_connect_lists_what_the_relay_joined_and_what_was_asked_for(relay, encoding):
    client, welcome = await Client.welcomed(relay, encoding, relay.user(), [{"channel": "ward:a"}, {"channel": "user:somebody-else"}])
    assert (welcome["user"], welcome["tenant"]) == ("ana", "clinic"), welcome
    channels = [item["channel"] for item in welcome["subscribed"]]
    assert {"user:ana", "tenant", "ward:a", "user:somebody-else"} == set(channels), channels
    assert entry(welcome, "user:somebody-else")["error"]["code"] == "forbidden"
    assert entry(welcome, "ward:a")["recovered"] is False
    await client.close()


async def check_a_token_may_stand_in_the_header_or_in_the_query(relay, encoding):
    client = await Client.open(relay, encoding, header=relay.user("header"))
    assert (await client.connect(None))["user"] == "header"
    await client.close()
    url = f"ws://{relay.address}/ws?token={relay.user('query')}"
    client = Client(relay, encoding, await websockets.connect(url, subprotocols=[f"pulsewire.v1.{encoding}"]))
    assert (await client.connect(None))["user"] == "query"
    await client.close()


async def check_bad_tokens_get_their_code(relay, encoding):
    good = relay.user()
    head, body, signature = good.split(".")
    tampered = ("B" if signature[0] == "A" else "A") + signature[1:]
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    cases = {
        "": "token_missing",
        "not-a-token": "token_malformed",
        f"{head}.{body}.{tampered}": "token_invalid",
        f"{none}.{body}.": "token_invalid",
        expired(good): "token_expired",
    }
    for token, code in cases.items():
        client = await Client.open(relay, encoding)
        info = {"name": "interop", "version": "1", "session": "s"}
        await client.send({"type": "connect", "id": 1, "token": token, "client": info})
        closed = await client.closed()
        assert closed == (4401, code), (token, closed, code)
        try:
            await Client.open(relay, encoding, header=token)
        except websockets.InvalidStatus as refused:
            problem = json.loads(refused.response.body)
            assert (refused.response.status_code, problem["code"]) == (401, code), (token, problem)
        else:
            raise AssertionError(f"{token!r} was let in")


def expired(token):
    """The same claims, ended in 2001, signed with the relay's own secret: HS256 is a dozen lines."""
    import hashlib
    import hmac

    head, body, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["exp"] = 1_000_000_000
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    signature = hmac.new(SECRET.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def check_a_publisher_hears_itself_after_subscribed_and_gets_its_offset(relay, encoding):
    channel = f"ward:{encoding}-own"
    client, _ = await Client.welcomed(relay, encoding, relay.user())
    # Two commands in one frame: answered in order, and no event before `subscribed`.
    subscribe = client.command("subscribe", channel=channel, history=5)
    publish = client.command("publish", channel=channel, event="bed_moved", data={"from": 3, "why": None, "é": [1.5]})
    await client.send(subscribe, publish)
    order = []
    while len(order) < 3:
        message = await client.wait(lambda m: m["type"] in ("subscribed", "reply", "event"))
        order.append(message)
    assert order[0]["type"] == "subscribed" and order[0]["id"] == subscribe["id"], order
    event = next(message for message in order if message["type"] == "event")
    reply = next(message for message in order if message["type"] == "reply")
    assert event["data"] == {"from": 3, "why": None, "é": [1.5]} and event["event"] == "bed_moved", event
    assert event["from"] == {"user": "ana", "name": "Ana"}, event
    assert reply["id"] == publish["id"] and reply["result"] == {"offset": event["offset"]} and event["offset"] == 1
    gone = await client.ask("unsubscribe", channel=channel)
    assert gone["type"] == "unsubscribed" and gone["channel"] == channel, gone
    await client.close()


async def check_a_reconnect_recovers_what_was_missed_and_nothing_else(relay, encoding):
    channel = f"ward:{encoding}-recover"
    service = relay.service()
    publish = lambda n: relay.http("POST", "/api/v1/publish", service, {"channel": channel, "event": "n", "data": n})
    status, outcome = publish(1)
    assert status == 202 and outcome["accepted"]["offset"] == 1, (status, outcome)
    client, welcome = await Client.welcomed(relay, encoding, relay.user(), [{"channel": channel, "history": 10}])
    seen = entry(welcome, channel)
    assert [item["data"] for item in seen["publications"]] == [1], seen
    await client.close()
    for n in (2, 3, 4):
        publish(n)
    position = {"epoch": seen["epoch"], "offset": seen["offset"]}
    client, welcome = await Client.welcomed(relay, encoding, relay.user(), [{"channel": channel, "recover": position}])
    again = entry(welcome, channel)
    assert again["recovered"] is True and again["offset"] == 4, again
    assert [(item["offset"], item["data"]) for item in again["publications"]] == [(2, 2), (3, 3), (4, 4)], again
    publish(5)
    assert (await client.event(channel))["offset"] == 5
    stranger = await client.ask("subscribe", channel=channel, recover={"epoch": "another", "offset": 3})
    assert stranger["recovered"] is False, stranger
    await client.close()


async def check_built_in_events_are_the_same_in_both_encodings(relay):
    service = relay.service()
    by_json, _ = await Client.welcomed(relay, "json", relay.user("json"), [{"channel": "device:bed-1"}])
    by_cbor, _ = await Client.welcomed(relay, "cbor", relay.user("cbor"), [{"channel": "device:bed-1"}])
    backend, _ = await Client.welcomed(relay, "cbor", service)
    telemetry = {"deviceId": "bed-1", "series": {"ecg": {"t": [1732180000000, 1732180000002.5], "v": [-0.125, 7]}, "none": {"t": [], "v": []}}}
    for sender in ("cbor", "json", "http"):
        if sender == "cbor":
            assert (await backend.ask("publish", channel="device:bed-1", event="telemetry", data=telemetry))["type"] == "reply"
        elif sender == "json":
            other, _ = await Client.welcomed(relay, "json", service)
            assert (await other.ask("publish", channel="device:bed-1", event="telemetry", data=telemetry))["type"] == "reply"
            await other.close()
        else:
            status, outcomes = relay.http("POST", "/api/v1/telemetry", service, [telemetry])
            assert status == 202 and outcomes[0]["accepted"], outcomes
        for client in (by_json, by_cbor):
            event = await client.event("device:bed-1", "telemetry")
            assert event["data"] == telemetry, (sender, client.encoding, event)
            assert "from" not in event, event
    relay.http("POST", "/api/v1/devices/status", service, {"deviceId": "bed-1", "status": "maintenance", "battery": 1})
    for client in (by_json, by_cbor):
        data = (await client.event("device:bed-1", "device_status"))["data"]
        assert (data["status"], data["battery"]) == ("maintenance", 1) and data["lastSeen"] > 1e12, data
        state = await client.ask("subscribe", channel="device:bed-1")
        assert [item["event"] for item in state["state"]] == ["device_status"], state
    alert = {"patientId": "p-1", "patientName": "Maria", "type": "fall", "severity": "critical", "message": "Fell"}
    status, outcome = relay.http("POST", "/api/v1/alerts", service, alert)
    assert status == 202, outcome
    data = [(await client.event("tenant", "alert"))["data"] for client in (by_json, by_cbor)]
    assert data[0] == data[1] and data[0]["id"] and data[0]["severity"] == "critical", data
    for client in (by_json, by_cbor, backend):
        await client.close()


async def check_rights_hold(relay, encoding):
    token = relay.token("ana", "clinic", "--subscribe", "ward:a", "--subscribe", "device:*", "--publish", "ward:*")
    client, _ = await Client.welcomed(relay, encoding, token)
    refused = [
        await client.ask("subscribe", channel="ward:b"),
        await client.ask("subscribe", channel="admin"),
        await client.ask("publish", channel="device:1", event="hello", data=1),
        await client.ask("publish", channel="ward:a", event="device_status", data={"deviceId": "d", "status": "online"}),
    ]
    assert [message.get("code") for message in refused] == ["forbidden"] * 4, refused
    assert (await client.ask("subscribe", channel="Ward:a"))["code"] == "invalid_channel"
    assert (await client.ask("subscribe", channel="device:7"))["type"] == "subscribed"
    assert (await client.ask("call", method="no.such", params={}))["code"] == "not_found"
    await client.close()


async def check_tenants_never_hear_each_other(relay, encoding):
    channel = f"ward:{encoding}-tenants"
    ours, _ = await Client.welcomed(relay, encoding, relay.user(tenant="one"), [{"channel": channel}])
    theirs, _ = await Client.welcomed(relay, encoding, relay.user(tenant="two"), [{"channel": channel, "history": 10}])
    await theirs.ask("publish", channel=channel, event="secret", data="two")
    await ours.ask("publish", channel=channel, event="hello", data="one")
    assert (await ours.event(channel))["data"] == "one"
    assert (await theirs.event(channel))["data"] == "two"
    # A round trip later nothing else has come.
    for client in (ours, theirs):
        await client.ask("ping")
        assert not [message for message in client.inbox if message["type"] == "event" and message["channel"] == channel]
        await client.close()


async def check_what_makes_no_sense_is_answered_and_what_cannot_be_read_ends_it(relay, encoding):
    client, _ = await Client.welcomed(relay, encoding, relay.user())
    if encoding == "json":
        senseless, broken = '{"type":"dance","id":77}\n{"type":"subscribe","id":78}', "{oops"
    else:
        senseless, broken = cbor2.dumps({0: 99, 1: 77}) + cbor2.dumps({0: 2, 1: 78}), b"\xa2\x00"
    await client.socket.send(senseless)
    for id_, field in ((77, "type"), (78, "channel")):
        error = await client.wait(lambda message: message["type"] == "error")
        assert (error["id"], error["code"]) == (id_, "bad_request") and field in error["message"], error
    assert (await client.ask("ping"))["result"]["serverTime"] > 1e12
    await client.socket.send(broken)
    assert (await client.closed())[0] == 4400


async def check_nothing_but_connect_comes_first(relay, encoding):
    client = await Client.open(relay, encoding)
    await client.send({"type": "ping", "id": 5})
    error = await client.wait(lambda message: message["type"] == "error")
    assert (error["code"], error["id"]) == ("bad_request", 5), error
    assert (await client.connect(relay.user()))["type"] == "welcome"
    await client.close()


async def check_heartbeats_come_and_are_answered(relay, encoding):
    client, welcome = await Client.welcomed(relay, encoding, relay.user())
    assert welcome["heartbeatMs"] == 1000, welcome
    first = await client.wait(lambda message: message["type"] == "heartbeat")
    second = await client.wait(lambda message: message["type"] == "heartbeat")
    assert 500 < second["ts"] - first["ts"] < 5000
    await client.close()


async def check_a_frame_of_the_other_encoding_or_too_large_ends_it(relay, encoding):
    client, _ = await Client.welcomed(relay, encoding, relay.user())
    await client.socket.send(b"\xa0" if encoding == "json" else "{}")
    assert (await client.closed())[0] == 4400
    client, _ = await Client.welcomed(relay, encoding, relay.user())
    await client.send(client.command("publish", channel="ward:a", event="big", data="x" * 70_000))
    assert (await client.closed())[0] == 1009


async def check_an_unknown_subprotocol_is_refused_and_none_is_json(relay):
    try:
        await Client.open(relay, "json", subprotocol="mqtt")
    except websockets.InvalidStatus as refused:
        assert refused.response.status_code == 400
    else:
        raise AssertionError("let in")
    client = Client(relay, "json", await websockets.connect(f"ws://{relay.address}/ws"))
    assert (await client.connect(relay.user()))["type"] == "welcome"
    await client.close()


async def check_viewers_are_counted_and_a_backend_is_not(relay, encoding):
    channel = f"patient:{encoding}-viewed"
    first, _ = await Client.welcomed(relay, encoding, relay.user("ana"))
    viewers = (await first.ask("subscribe", channel=channel))["viewers"]
    assert viewers == {"count": 1, "names": ["Ana"]}, viewers
    second, _ = await Client.welcomed(relay, encoding, relay.user("bo"), [{"channel": channel}])
    backend, _ = await Client.welcomed(relay, encoding, relay.service(), [{"channel": channel}])
    told = await first.wait(lambda m: m["type"] == "viewers" and m["channel"] == channel and m["count"] == 2)
    assert sorted(told["names"]) == ["Ana", "Bo"], told
    await second.close()
    await first.wait(lambda m: m["type"] == "viewers" and m["channel"] == channel and m["count"] == 1)
    for client in (first, backend):
        await client.close()


async def check_a_key_makes_a_publish_idempotent(relay, encoding):
    channel = f"ward:{encoding}-key"
    client, _ = await Client.welcomed(relay, encoding, relay.user())
    fields = {"channel": channel, "event": "once", "data": {"n": 1}, "key": f"k-{encoding}"}
    first = await client.ask("publish", **fields)
    again = await client.ask("publish", **fields)
    assert first["result"] == again["result"] == {"offset": 1}, (first, again)
    assert (await client.ask("publish", **(fields | {"data": {"n": 2}})))["code"] == "bad_request"
    await client.close()


async def check_polling_reads_the_same_positions_in_both_encodings(relay):
    token, channel = relay.user(), "ward:poll"
    for n in (1, 2, 3):
        relay.http("POST", "/api/v1/publish", token, {"channel": channel, "event": "n", "data": n})
    status, polled = relay.http("POST", "/api/v1/poll", token, {"channels": [{"channel": channel, "history": 2}, {"channel": "user:x"}]})
    assert status == 200 and [p["data"] for p in polled["channels"][0]["publications"]] == [2, 3], polled
    assert polled["channels"][1]["error"]["code"] == "forbidden", polled
    position = {"epoch": polled["channels"][0]["epoch"], "offset": 1}
    status, polled = relay.http("POST", "/api/v1/poll", token, {1: [{1: channel, 2: {1: position["epoch"], 2: 1}}]}, cbor=True)
    read = tables.read_subscribed(polled[1][0])
    assert status == 200 and read["recovered"] and [p["data"] for p in read["publications"]] == [2, 3], read
    # A long poll ends as soon as there is news.
    latest = {1: [{1: channel, 2: {1: position["epoch"], 2: 3}}], 2: 8000}
    waiting = asyncio.create_task(asyncio.to_thread(relay.http, "POST", "/api/v1/poll", token, latest, True))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    status, outcomes = relay.http("POST", "/api/v1/publish", token, [{2: channel, 3: "n", 4: "4"}], cbor=True)
    assert status == 202 and outcomes == [{1: {1: position["epoch"], 2: 4}}], outcomes
    status, polled = await asyncio.wait_for(waiting, 4)
    assert [p["data"] for p in tables.read_subscribed(polled[1][0])["publications"]] == [4], polled


async def check_http_errors_are_problem_documents(relay):
    cases = [
        (relay.http("POST", "/api/v1/publish", None, {"channel": "ward:a", "event": "x"}), 401, "token_missing"),
        (relay.http("POST", "/api/v1/alerts", relay.user(), {"patientId": "p"}), 403, "forbidden"),
        (relay.http("POST", "/api/v1/publish", relay.user(), {"channel": "Ward:a", "event": "x"}), None, "invalid_channel"),
        (relay.http("POST", "/api/v1/devices/status", relay.service(), {"deviceId": "d", "status": "online", "battery": 45}), None, "bad_request"),
    ]
    for (status, problem), expected, code in cases:
        assert problem["code"] == code and problem["status"] == status and expected in (None, status), (status, problem)
    assert "battery" in cases[-1][0][1]["detail"]
    assert relay.http("GET", "/healthz")[0] == 200


async def check_the_openapi_document_is_valid_and_so_is_what_each_endpoint_answers(relay):
    relay.contract.validate_document()
    user, service = relay.user("reader"), relay.service()
    status = {"deviceId": "doc-1", "status": "online"}
    alert = {"patientId": "doc-p", "patientName": "Doc", "type": "fall", "severity": "low", "message": "m"}
    telemetry = {"deviceId": "doc-1", "series": {"hr": {"t": [1], "v": [60]}}}
    asked = [("/api/v1/devices/status", status), ("/api/v1/devices/telemetry", telemetry), ("/api/v1/devices/alerts", alert)]
    asked += [("/api/v1/telemetry", [telemetry, {}]), ("/api/v1/alerts", [alert]), ("/api/v1/publish?atomic=true", [{"channel": "ward:doc", "event": "x"}])]
    asked += [("/api/v1/poll", {"channels": [{"channel": "device:doc-1", "history": 5}, {"channel": "admin"}]})]
    for path, body in asked:
        answered, told = relay.http("POST", path, service, body)
        assert answered in (200, 202), (path, answered, told)
        for wrong, token, refused in [(body, None, 401), ("no object", service, None), ([{}], service, None)]:
            answered, told = relay.http("POST", path, token, wrong)
            assert answered == refused or 400 <= answered < 500, (path, wrong, answered, told)
    for path in ["history/device:doc-1?limit=1", "presence/tenant", "stats", "devices", "devices/doc-1", "devices/unheard", "alerts?severity=low"]:
        for token in (user, None, "no token"):
            relay.http("GET", f"/api/v1/{path}", token)
    for path in ["/healthz", "/readyz", "/openapi.json", "/ws"]:
        relay.http("GET", path)
    served = {path for path in relay.contract.document["paths"]}
    assert {"/api/v1/poll", "/api/v1/publish", "/openapi.json", "/docs", "/ws"} <= served and not any("/dev" == path[:4] for path in served), served
    assert relay.contract.checked > 40, relay.contract.checked


async def check_requests_answer_over_the_socket_and_over_http(relay, encoding):
    channel = f"conversation:{encoding}-call"
    client, _ = await Client.welcomed(relay, encoding, relay.user("ana"))
    assert (await client.ask("publish", channel=channel, event="hello", data=1))["type"] == "reply"
    answer = await client.ask("call", method="history.get", params={"channel": channel})
    assert [item["data"] for item in answer["result"]["publications"]] == [1], answer
    status, body = relay.http("GET", f"/api/v1/history/{channel}", relay.user("ana"))
    assert status == 200 and [item["data"] for item in body["publications"]] == [1], body
    answer = await client.ask("call", method="presence.get", params={"channel": "tenant"})
    assert "ana" in [user["userId"] for user in answer["result"]["users"]], answer
    await client.close()


async def check_the_example_client_of_the_document_runs_as_it_stands(relay):
    source = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)[1]
    relay.http("POST", "/api/v1/publish", relay.service(), {"channel": "ward:doc", "event": "hello", "data": {"n": 1}})
    command = [sys.executable, "-u", "-c", source, f"ws://{relay.address}/ws"]
    process = await asyncio.create_subprocess_exec(*command, relay.user(), "ward:doc", stdout=asyncio.subprocess.PIPE)
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), WITHIN)).decode()
        assert "'type': 'welcome'" in line and "'data': {'n': 1}" in line, line
    finally:
        process.terminate()
        await process.wait()
    process = await asyncio.create_subprocess_exec(*command, "bad-token", stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), WITHIN)
    assert output.decode().strip() == "closed: (4401, 'token_malformed')", output


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay-bin", default=os.environ.get("PULSEWIRE_RELAY_BIN", "target/debug/pulsewire-relay"))
    parser.add_argument("--only", default="", metavar="WORD", help="the checks whose name holds the word")
    arguments = parser.parse_args()
    relay = Relay(arguments.relay_bin)
    passed, failed = 0, []
    try:
        for name, check in list(globals().items()):
            if not name.startswith("check_"):
                continue
            encodings = ["json", "cbor"] if "encoding" in inspect.signature(check).parameters else [None]
            for encoding in encodings:
                title = name.removeprefix("check_").replace("_", " ") + (f" ({encoding})" if encoding else "")
                if arguments.only not in title:
                    continue
                try:
                    asyncio.run(asyncio.wait_for(check(relay, *filter(None, [encoding])), 30))
                    passed += 1
                    print(f"ok      {title}", flush=True)
                except Exception:
                    failed.append(title)
                    print(f"FAILED  {title}\n{traceback.format_exc()}", flush=True)
    finally:
        relay.stop()
    print(f"interop: {passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
