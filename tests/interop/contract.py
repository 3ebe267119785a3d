"""Holds answers against the relay's own OpenAPI document, which an official validator reads first."""

import json

import openapi_spec_validator
from jsonschema import Draft202012Validator


class Contract:
    """What `/openapi.json` promises. Limits: JSON bodies only; CBOR is checked by `cbor_tables`."""

    def __init__(self, document):
        self.document = document
        self.checked = 0

    def validate_document(self):
        """Raises where it is no valid OpenAPI 3.1."""
        assert self.document["openapi"].startswith("3.1."), self.document["openapi"]
        openapi_spec_validator.validate(self.document)

    def operation(self, method, path):
        parts = path.split("?")[0].split("/")

        def fits(template):
            wanted = template.split("/")
            return len(wanted) == len(parts) and all(w == p or (w.startswith("{") and p) for w, p in zip(wanted, parts))

        # A literal part counts before a parameter.
        templates = sorted((t for t in self.document["paths"] if fits(t)), key=lambda t: t.count("{"))
        return self.document["paths"][templates[0]].get(method.lower()) if templates else None

    def check(self, method, path, status, kind, content):
        """Raises where a documented operation answers otherwise than it promises."""
        operation = self.operation(method, path)
        if operation is None:
            return
        assert str(status) in operation["responses"], f"{method} {path} answers {status}, which is not documented: {content!r}"
        answer = operation["responses"][str(status)]
        if "$ref" in answer:
            answer = self.document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        assert kind in answer["content"], f"{method} {path} answers {status} as {kind}, which is not documented"
        schema = answer["content"][kind].get("schema")
        if kind.endswith("json") and schema:
            Draft202012Validator({**schema, "components": self.document["components"]}).validate(json.loads(content))
        self.checked += 1
