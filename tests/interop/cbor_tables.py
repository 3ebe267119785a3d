"""The tables of PROTOCOL.md section 12 that the checks need, written down by hand as a client's author would.

Only what `interop.py` uses: a client is free to know less than the whole protocol.
"""

import json
import struct

import cbor2

CLIENT = {"connect": 1, "subscribe": 2, "unsubscribe": 3, "publish": 4, "call": 5, "refresh": 6, "pong": 7, "ping": 8}
SERVER = {1: "welcome", 2: "subscribed", 3: "unsubscribed", 4: "event", 5: "viewers", 6: "heartbeat", 7: "reauth", 8: "reply", 9: "error"}
ERRORS = {
    1: "bad_request", 2: "unauthorized", 3: "token_expired", 4: "forbidden", 5: "invalid_channel", 6: "not_subscribed",
    7: "too_many_subscriptions", 8: "too_large", 9: "rate_limited", 10: "not_found", 11: "unavailable", 12: "internal",
}
EVENTS = {1: "device_status", 2: "telemetry", 3: "alert"}
DEVICE_STATES = {1: "online", 2: "offline", 3: "maintenance"}
SEVERITIES = {1: "critical", 2: "high", 3: "medium", 4: "low"}


def column(numbers):
    """A column: tag 86 on little-endian float64."""
    return cbor2.CBORTag(86, struct.pack(f"<{len(numbers)}d", *numbers))


def numbers(tagged):
    assert tagged.tag == 86, tagged
    return list(struct.unpack(f"<{len(tagged.value) // 8}d", tagged.value))


def named(map_, names):
    """The map with names in place of the keys that are known; the others are ignored."""
    return {names[key]: value for key, value in map_.items() if key in names}


def write_data(event, data):
    if event == "device_status":
        states = {name: number for number, name in DEVICE_STATES.items()}
        out = {1: data["deviceId"], 2: states[data["status"]]}
        if "battery" in data:
            out[3] = data["battery"]
        return 1, out
    if event == "telemetry":
        series = {metric: {1: column(points["t"]), 2: column(points["v"])} for metric, points in data["series"].items()}
        return 2, {1: data["deviceId"], 2: series}
    return event, json.dumps(data)


def read_data(event, data):
    if event == "device_status":
        out = named(data, {1: "deviceId", 2: "status", 3: "battery", 4: "lastSeen"})
        return out | {"status": DEVICE_STATES[out["status"]]}
    if event == "telemetry":
        series = {metric: {"t": numbers(points[1]), "v": numbers(points[2])} for metric, points in data[2].items()}
        return {"deviceId": data[1], "series": series}
    if event == "alert":
        keys = {1: "id", 2: "patientId", 3: "patientName", 4: "deviceId", 5: "type", 6: "severity", 7: "message", 8: "ts"}
        out = named(data, keys)
        return out | {"severity": SEVERITIES[out["severity"]]}
    return json.loads(data) if isinstance(data, str) else data


def read_publication(map_):
    out = named(map_, {3: "ts", 5: "offset", 6: "firstOffset"})
    out["event"] = EVENTS.get(map_[2], map_[2])
    out["data"] = read_data(out["event"], map_[4])
    if 7 in map_:
        out["from"] = named(map_[7], {1: "user", 2: "name"})
    return out


def read_error(map_):
    out = named(map_, {1: "code", 2: "message", 3: "retryable", 4: "retryAfterMs", 5: "id", 6: "channel"})
    return out | {"code": ERRORS[out["code"]]}


def read_subscribed(map_):
    if 9 in map_:
        return {"channel": map_[1], "error": read_error(map_[9])}
    out = named(map_, {1: "id", 2: "channel", 3: "epoch", 4: "offset", 5: "recovered"})
    out["publications"] = [read_publication(item) for item in map_.get(6, [])]
    out["state"] = [read_publication(item) for item in map_.get(7, [])]
    if 8 in map_:
        out["viewers"] = {"count": map_[8][1], "names": map_[8].get(2, [])}
    return out


def read_message(map_):
    type_ = SERVER.get(map_[0])
    if type_ == "welcome":
        keys = {1: "id", 2: "connection", 3: "node", 4: "user", 5: "tenant", 6: "serverTime", 7: "heartbeatMs", 8: "timeoutMs", 9: "expiresAt"}
        out = named(map_, keys)
        out["subscribed"] = [read_subscribed(item) for item in map_.get(11, [])]
    elif type_ == "subscribed":
        out = read_subscribed(map_)
    elif type_ == "unsubscribed":
        out = named(map_, {1: "id", 2: "channel"})
    elif type_ == "event":
        out = read_publication(map_) | {"channel": map_[1]}
    elif type_ == "reply":
        results = {2: "offset", 3: "serverTime", 4: "expiresAt"}
        out = {"id": map_[1], "result": json.loads(map_[5]) if 5 in map_ else named(map_, results)}
    elif type_ == "error":
        out = read_error(map_)
    elif type_ == "viewers":
        out = named(map_, {1: "channel", 2: "count", 3: "names"})
    else:
        out = named(map_, {1: "ts"})
    return out | {"type": type_}


def write_message(message):
    type_ = message["type"]
    out = {0: CLIENT[type_]}
    if type_ == "pong":
        return out | {1: message["ts"]}
    out[1] = message["id"]
    if type_ == "connect":
        if message.get("token") is not None:
            out[2] = message["token"]
        out[3] = {1: message["client"]["name"], 2: message["client"]["version"], 3: message["client"]["session"]}
        if message.get("subscribe"):
            out[4] = [write_entry(entry) for entry in message["subscribe"]]
    elif type_ == "subscribe":
        out |= {key + 1: value for key, value in write_entry(message).items()}
    elif type_ == "unsubscribe":
        out[2] = message["channel"]
    elif type_ == "publish":
        out[2] = message["channel"]
        out[3], out[4] = write_data(message["event"], message["data"])
        if "key" in message:
            out[5] = message["key"]
    elif type_ == "call":
        out[2] = message["method"]
        if "params" in message:
            out[3] = json.dumps(message["params"])
    elif type_ == "refresh":
        out[2] = message["token"]
    return out


def write_entry(entry):
    out = {1: entry["channel"]}
    if "recover" in entry:
        out[2] = {1: entry["recover"]["epoch"], 2: entry["recover"]["offset"]}
    if "history" in entry:
        out[3] = entry["history"]
    return out
