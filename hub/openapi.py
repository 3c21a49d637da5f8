"""The OpenAPI document: the routes, the bodies that these read by themselves, a problem for every refusal."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from hub.api import (
    agents,
    asks,
    authorisations,
    batches,
    bulk,
    case_handling,
    cases,
    catalogue,
    certificate_acts,
    certificate_search,
    certificate_types,
    certificates,
    collection_feeds,
    dead_ends,
    demands,
    evidence,
    faces,
    families,
    forms,
    grants,
    lower,
    lower_tasks,
    materials,
    me,
    me_acting,
    me_dossier,
    me_notices,
    me_objections,
    objections,
    proposals,
    publishing,
    pushed,
    query,
    ratings,
    showing_requests,
    showings,
    sources,
    staff,
    subscriptions,
    type_halt,
    verify,
    wallet_requests,
)
from hub.problems import MEDIA_TYPE, PROBLEM_SCHEMA

_BODIES: Final = (
    *demands.BODIES,
    *lower.BODIES,
    *materials.BODIES,
    *case_handling.BODIES,
    *dead_ends.BODIES,
    cases.CaseBody,
    cases.CloseBody,
    cases.FactsBody,
    catalogue.GuideBody,
    evidence.EvidenceBody,
    evidence.PlanBody,
    *asks.BODIES,
    *families.BODIES,
    *forms.BODIES,
    *me.BODIES,
    *me_acting.BODIES,
    *showings.BODIES,
    *showing_requests.BODIES,
    *authorisations.BODIES,
    *me_dossier.BODIES,
    *me_notices.BODIES,
    *me_objections.BODIES,
    *ratings.BODIES,
    query.QueryBody,
    pushed.PushBody,
    batches.BatchBody,
    subscriptions.SubscriptionBody,
    agents.PollBody,
    agents.AnswerBody,
    agents.ErrandBody,
    verify.VerifyBody,
    *wallet_requests.BODIES,
)
_STAFF_BODIES: Final = (
    *lower_tasks.BODIES,
    *objections.BODIES,
    staff.StaffBody,
    staff.RolesBody,
    *grants.BODIES,
    *proposals.BODIES,
    *sources.BODIES,
    *collection_feeds.BODIES,
    *publishing.BODIES,
    *bulk.BODIES,
    *faces.BODIES,
    *certificate_types.BODIES,
    *certificates.BODIES,
    *certificate_acts.BODIES,
    *certificate_search.BODIES,
    *type_halt.BODIES,
)


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The document, made once. Bodies are read after authentication, so FastAPI does not know them."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    _, definitions = models_json_schema(
        [(model, "validation") for model in (*_BODIES, *_STAFF_BODIES)], ref_template="#/components/schemas/{model}"
    )
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(definitions["$defs"], Problem=PROBLEM_SCHEMA)
    problem = {"description": "Problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
            name, optional = operation.pop("x-body", None), operation.pop("x-body-optional", False)
            if name:
                content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
                operation["requestBody"] = {"required": not optional, "content": content}
    app.openapi_schema = schema
    return schema
