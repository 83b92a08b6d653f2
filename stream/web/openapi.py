"""The interface of the page's server, as an OpenAPI 3.1 document for programs."""

from __future__ import annotations

from typing import Any

from stream.config import FuseSettings, Settings, section_of
from stream.config.live_settings import changeable
from stream.monitoring.report import versions
from stream.web.pictures import COLOUR_MAPS, VIEWS

JSON = "application/json"
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_OBJECT = {"type": "object"}


def openapi(clip: type[Settings]) -> dict[str, Any]:
    """The document.

    Args:
        clip: model of the body that starts and stops a clip.
    """
    status = {"200": _json("what the run does now", _OBJECT)}
    settings = {"200": _json("settings that can be changed, and their values", _OBJECT)}
    picture = {"type": "string", "enum": list(VIEWS), "default": "fused"}
    colours = {"type": "string", "enum": list(COLOUR_MAPS), "default": "heat"}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    snapshot = {
        "200": {"description": "a picture", "content": {"image/png": {}}},
        "422": _refusal("no such view"),
        "503": _refusal("no frame yet"),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "gifnet preview", "version": versions()["gifnet-stream"]},
        "paths": {
            "/api/status": {"get": {"responses": status}},
            "/api/settings": {
                "get": {"responses": settings},
                "patch": _body("changed: all of them or none", _changes()),
            },
            "/api/snapshot": {
                "get": {
                    "parameters": [_query("view", picture), _query("colour_map", colours)],
                    "responses": snapshot,
                }
            },
            "/api/picture": {
                "get": {
                    "parameters": [
                        _query("width", {"type": "integer", "minimum": 16, "maximum": 8192, "default": 320})
                    ],
                    "responses": {
                        "200": {"description": "the fused picture, small", "content": {"image/jpeg": {}}},
                        "422": _refusal("no such width"),
                        "503": _refusal("no frame yet"),
                    },
                }
            },
            "/api/temperature": {
                "get": {
                    "parameters": [_query("x", share), _query("y", share)],
                    "responses": {
                        "200": _json("degrees Celsius there, null where none is known", _OBJECT),
                        "422": _refusal("no shares of the picture's width and height"),
                    },
                }
            },
            "/api/clip": {"post": _body("state of the clip", clip.model_json_schema())},
            "/metrics": {"get": {"responses": {"200": {"description": "text format of Prometheus"}}}},
            "/healthz": {"get": {"responses": {"200": _json("alive", _OBJECT)}}},
            "/readyz": {
                "get": {
                    "responses": {
                        "200": _json("frames flow", _OBJECT),
                        "503": _json("they do not, and why", _OBJECT),
                    }
                }
            },
        },
    }


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _changes() -> dict[str, Any]:
    """Schema of a change: places and values."""
    properties = {}
    for place in changeable():
        section, key = place.split(".")
        model = section_of(FuseSettings.model_fields[section])
        assert model is not None
        properties[place] = model.model_json_schema()["properties"][key]
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _body(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
        "responses": {
            "200": _json(words, _OBJECT),
            "413": _refusal("larger than 64 KiB"),
            "422": _refusal("wrong, or it does not fit the pictures"),
        },
    }


def _json(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {JSON: {"schema": schema}}}


def _refusal(words: str) -> dict[str, Any]:
    return _json(words, _ERROR)
