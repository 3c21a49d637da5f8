"""An OpenAPI document becomes drafts that the registry takes; a hostile one is refused, and fetches nothing."""

import json
from typing import Any

import httpx2
import pytest
import yaml
from openapi_spec_validator import validate

from catalog.errors import DefinitionError
from catalog.interfaces import read_interface
from catalog.sources import read_source
from hub.access.actors import COMMAND
from hub.registry.openapi.importing import Drafts, import_openapi
from hub.registry.openapi.reading import MAX_BYTES
from hub.runtime import Hub
from tests.support import AMR

SCHEMAS = "#/components/schemas"
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "不动产登记查询服务", "version": "1"},
    "servers": [{"url": "https://estate.example:8443/api/"}, {"url": "https://other.example"}],
    "paths": {
        "/titles/{titleNo}": {
            "parameters": [{"$ref": "#/components/parameters/TitleNo"}],
            "get": {
                "operationId": "getTitleByNo",
                "summary": "按证号查询不动产权证书",
                "tags": ["不动产"],
                "parameters": [
                    {"name": "withHistory", "in": "query", "schema": {"type": "boolean"}},
                    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
                },
            },
            "delete": {"responses": {}},
        },
        "/owners/search": {
            "post": {
                "summary": "Titles of an owner",
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "required": ["idNo"],
                                "properties": {
                                    "idNo": {"type": "string", "maxLength": 18},
                                    "extra": {"type": "object"},
                                },
                            }
                        }
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "properties": {
                                        "code": {"type": "string"},
                                        "data": {
                                            "properties": {
                                                "rows": {
                                                    "type": "array",
                                                    "items": {"$ref": f"{SCHEMAS}/Title"},
                                                }
                                            }
                                        },
                                    }
                                }
                            }
                        }
                    }
                },
            }
        },
        "/pdf": {"get": {"responses": {"200": {"content": {"application/pdf": {}}}}}},
    },
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "parameters": {"TitleNo": {"name": "titleNo", "in": "path", "required": True, "schema": {"type": "string"}}},
        "schemas": {
            "Answer": {"properties": {"data": {"$ref": "#/components/schemas/Title"}}},
            "Base": {
                "required": ["no"],
                "properties": {"no": {"type": "string", "title": "证号", "maxLength": 40}},
            },
            "Title": {
                "allOf": [
                    {"$ref": "#/components/schemas/Base"},
                    {
                        "properties": {
                            "area": {"type": "number", "minimum": 0, "maximum": 9223372036854775807},
                            "since": {"type": ["string", "null"], "format": "date"},
                            "place": {"type": "object", "properties": {"street": {"type": "string", "title": "坐落"}}},
                            "owners": {"type": "array", "items": {"type": "string"}},
                        }
                    },
                ]
            },
        },
    },
}


def drafts(document: dict[str, Any] | None = None, **changes: Any) -> Drafts:
    told = json.dumps((document or DOCUMENT) | changes, ensure_ascii=False)
    return import_openapi(told, department=AMR, source="estate-api")


def rules(found: Drafts) -> set[tuple[str, str]]:
    return {(note.pointer, note.rule) for note in found.notes}


def test_each_operation_becomes_a_draft() -> None:
    found = drafts()
    assert [item["code"] for item in found.interfaces] == ["get_title_by_no", "post_owners_search"]
    title, owners = found.interfaces
    assert title["operation"] == {
        "method": "GET", "path": "/titles/{titleNo}", "query": {"withHistory": "{withHistory}"}, "rows": "/data",
    }  # fmt: skip
    assert title["title"] == {"zh": "按证号查询不动产权证书", "en": "get_title_by_no"}
    assert title["fields"]["no"] == {
        "title": {"zh": "证号", "en": "no"}, "schema": {"type": "string", "maxLength": 40}, "required": True,
    }  # fmt: skip
    assert title["fields"]["area"]["schema"] == {"type": "number", "minimum": 0}
    assert title["fields"]["since"]["schema"] == {"type": "string", "format": "date"}
    assert title["mapping"]["fields"]["since"] == {"from": "since", "as": "date", "optional": True}
    assert title["mapping"]["fields"]["street"]["from"] == "/place/street"
    assert (title["many"], owners["many"]) == (False, True)
    assert owners["operation"] == {
        "method": "POST", "path": "/owners/search", "json": {"idNo": "{idNo}"}, "rows": "/data/rows",
    }  # fmt: skip
    assert owners["params"]["idNo"]["schema"] == {"type": "string", "maxLength": 18}


def test_what_is_not_carried_over_is_reported() -> None:
    found = rules(drafts())
    where = "/paths/~1titles~1{titleNo}/get"
    assert {
        (f"{where}/parameters/2", "parameter_not_carried_over"),
        (f"{where}/parameters/1", "optional_parameter_made_required"),
        (f"{where}/responses/owners", "list_or_free_object"),
        (f"{where}/parameters/titleNo", "origin_to_be_decided"),
        (where, "terms_to_be_decided"),
        ("/paths/~1titles~1{titleNo}/delete", "method_changes_data"),
        ("/paths/~1pdf/get/responses/200", "answer_is_not_json"),
        ("/paths/~1owners~1search/post/requestBody/extra", "parameter_not_carried_over"),
        ("/paths/~1owners~1search/post/summary", "one_language"),
        ("/components/securitySchemes/key", "credentials_to_be_set"),
        ("/servers/1", "server_not_used"),
    } <= found


def test_the_drafts_can_be_read_as_declared() -> None:
    found = drafts()
    source = read_source(found.source)
    assert source.targets == (("estate.example", 8443),)
    assert source.connection["url"] == "https://estate.example:8443/api"
    for item in found.interfaces:
        assert read_interface(item).terms.sharing.value == "conditional"


async def test_the_registry_takes_the_drafts(hub: Hub) -> None:
    found = drafts()
    await hub.sources.add(COMMAND, found.source)
    for item in yaml.safe_load(yaml.safe_dump(list(found.interfaces), allow_unicode=True)):
        version = await hub.interfaces.draft(COMMAND, item)
        assert version.version == 1
        assert await hub.interfaces.check(COMMAND, item["code"]) == ()


def test_yaml_says_the_same_as_json() -> None:
    text = yaml.safe_dump(DOCUMENT, allow_unicode=True, sort_keys=False)
    assert import_openapi(text, department=AMR, source="estate-api") == drafts()


@pytest.mark.embedded
async def test_our_own_document_is_valid_and_can_be_read(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    validate(document)
    found = import_openapi(json.dumps(document), department=AMR, source="another-hub")
    assert {read_interface(item).source for item in found.interfaces} == {"another-hub"}
    assert ("/paths/~1api~1v1~1catalogue/get/responses/200", "no_fields_described") in rules(found)


def with_schema(schema: Any, **components: Any) -> dict[str, Any]:
    answer = {"200": {"content": {"application/json": {"schema": schema}}}}
    good = {"200": {"content": {"application/json": {"schema": {"properties": {"a": {"type": "string"}}}}}}}
    paths = {"/bad": {"get": {"responses": answer}}, "/good": {"get": {"responses": good}}}
    return DOCUMENT | {"paths": paths, "components": {"schemas": components}}


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        ("http://169.254.169.254/latest/meta-data", "reference_outside_the_document"),
        ("file:///etc/passwd", "reference_outside_the_document"),
        ("other.yaml#/X", "reference_outside_the_document"),
        ("#/components/schemas/None", "reference_to_nothing"),
        ("#/components/schemas/Ring", "reference_in_a_ring"),
        ("#/components/schemas/All", "reference_in_a_ring"),
    ],
)
def test_a_reference_that_is_not_followed_costs_its_operation_only(reference: str, rule: str) -> None:
    ring = {"$ref": "#/components/schemas/Ring"}
    nested = {"allOf": [{"$ref": "#/components/schemas/All"}]}
    found = drafts(with_schema({"$ref": reference}, Ring=ring, All=nested))
    assert [item["code"] for item in found.interfaces] == ["get_good"]
    assert ("/paths/~1bad/get/responses/200", rule) in rules(found)


def test_references_that_multiply_are_refused() -> None:
    layers = {
        f"L{level}": {"allOf": [{"$ref": f"#/components/schemas/L{level + 1}"}] * 10} for level in range(10)
    }  # fmt: skip
    with pytest.raises(DefinitionError, match="expand"):
        drafts(with_schema({"$ref": "#/components/schemas/L0"}, **layers, L10={"type": "object"}))


def test_a_schema_that_holds_itself_ends() -> None:
    tree = {"properties": {"name": {"type": "string"}, "child": {"$ref": "#/components/schemas/Tree"}}}
    found = drafts(with_schema({"$ref": "#/components/schemas/Tree"}, Tree=tree))
    assert 1 < len(found.interfaces[0]["fields"]) < 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "openapi: 3.0.0\nx: &a [1]\ny: *a",
        json.dumps({"openapi": "2.0"}),
        json.dumps({"swagger": "2.0"}),
        '{"openapi": "3.0.0", "paths": ' + "[" * 200 + "]" * 200 + "}",
        "openapi: 3.0.0\npaths: " + "[" * 3000,
        "{" + " " * MAX_BYTES + "}",
        json.dumps({"openapi": "3.0.0", "paths": {}}),
        json.dumps({"openapi": "3.0.0", "paths": {"/x": {"get": {"responses": {}}}}}),
        "openapi: 3.0.0\n\x00",
        "!!python/object/apply:os.system ['true']",
        json.dumps({"openapi": "3.0.0", "x": [[] for _ in range(200_001)]}),
    ],
    ids=range(13),
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError):
        import_openapi(text, department=AMR, source="estate-api")


@pytest.mark.parametrize("junk", [None, 1, "x", [], [1], {"a": 1}, True, [None]])
@pytest.mark.parametrize(
    "place",
    [
        ("info",), ("servers",), ("paths", "/titles/{titleNo}"), ("paths", "/titles/{titleNo}", "get"),
        ("paths", "/titles/{titleNo}", "get", "parameters"), ("paths", "/titles/{titleNo}", "get", "responses"),
        ("paths", "/titles/{titleNo}", "get", "summary"), ("paths", "/titles/{titleNo}", "get", "tags"),
        ("paths", "/owners/search", "post", "requestBody"), ("components", "schemas", "Title"),
        ("components", "schemas", "Base", "properties"), ("components", "schemas", "Base", "required"),
        ("components", "schemas", "Base", "properties", "no"), ("components", "securitySchemes"),
    ],
)  # fmt: skip
def test_junk_anywhere_is_refused_or_reported(place: tuple[str, ...], junk: Any) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    here = document
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = junk
    try:
        found = drafts(document)
    except DefinitionError:
        return
    for item in found.interfaces:
        read_interface(item)
    read_source(found.source)
