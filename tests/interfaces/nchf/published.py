"""What 3GPP publishes of Nchf_ConvergedCharging, as a judge of our messages; it lies beside the repository or nowhere.

published = Published(shared_data)
published.judge_response("/chargingdata", 201, {…})        AssertionError with what breaks the schema
published.judge_request({…})
published.absent                                            files that are referred to and are not there: not judged
"""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

FOLDER = "protocol/3gpp_openapi"
SHARED = "TS29571_CommonData.yaml"
SERVICE = "TS32291_Nchf_ConvergedCharging.yaml"


class Published:
    """The schemas of all the files, each reachable from the others, in one document."""

    def __init__(self, shared_data: Path) -> None:
        self._documents, self.absent = _documents(shared_data / FOLDER)
        self._paths = self._documents[SERVICE]["paths"]

    def judge_response(self, path: str, status: int, message: dict[str, Any] | None) -> None:
        """Judge what answers a path, by the schema of its status."""
        content = self._paths[path]["post"]["responses"][str(status)]
        if "$ref" in content:
            content = _at(self._documents, content["$ref"])
        schemas = [each["schema"] for each in content.get("content", {}).values()]
        if schemas:
            self._judge(schemas[0], message)
        elif status >= 400:
            # Nothing is said of it there; TS 29.500 §5.2.7.2 wants ProblemDetails everywhere.
            self._judge({"$ref": f"#/{SHARED}/components/schemas/ProblemDetails"}, message)
        else:
            assert message is None, f"{status} has no body"

    def judge_request(self, message: object) -> None:
        """Judge a ChargingDataRequest."""
        self._judge({"$ref": f"#/{SERVICE}/components/schemas/ChargingDataRequest"}, message)

    def judge_notification(self, message: object) -> None:
        """Judge a ChargingNotifyRequest."""
        self._judge({"$ref": f"#/{SERVICE}/components/schemas/ChargingNotifyRequest"}, message)

    def _judge(self, schema: dict[str, Any], message: object) -> None:
        # OpenAPI 3.0's schemas are those of draft 5, which is draft 4 told better.
        validator = jsonschema_rs.Draft4Validator({**self._documents, "allOf": [schema]}, validate_formats=True)
        errors = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(message)
        ]
        assert errors == [], errors


@cache
def _documents(folder: Path) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the files by name, with every reference made one within the whole; and what is not there."""
    # The service's own file is indented by tabs in places, which YAML does not allow.
    texts = {path.name: path.read_text("utf-8").replace("\t", "  ") for path in sorted(folder.glob("*.yaml"))}
    absent: set[str] = set()
    documents = {name: _rooted(yaml.safe_load(text), name, texts.keys(), absent) for name, text in texts.items()}
    return documents, frozenset(absent)


def _rooted(node: Any, name: str, present: Any, absent: set[str]) -> Any:
    if isinstance(node, list):
        return [_rooted(each, name, present, absent) for each in node]
    if not isinstance(node, dict):
        return node
    target = node.get("$ref")
    if not isinstance(target, str):
        return {key: _rooted(value, name, present, absent) for key, value in node.items()}
    file, _, pointer = target.partition("#")
    if file and file not in present:
        absent.add(file)
        return {}
    return {"$ref": f"#/{file or name}{pointer}"}


def _at(documents: dict[str, Any], target: str) -> dict[str, Any]:
    found: Any = documents
    for step in target.removeprefix("#/").split("/"):
        found = found[step]
    assert isinstance(found, dict)
    return found
