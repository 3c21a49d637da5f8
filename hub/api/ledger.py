"""The public log: checkpoint, tiles (C2SP tlog-tiles) and proofs."""

from base64 import b64encode
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import Field
from sqlalchemy import Connection

from hub.deps import HubDep, UuidText
from hub.ledger.errors import NotSequencedError
from hub.ledger.proofs import InclusionProof, entry_bundle, prove_consistency, prove_inclusion, published_tile
from hub.storage.errors import MissingError
from signing.errors import SigningError
from signing.log.tiles import Tile

router = APIRouter(tags=["ledger"])
_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/ledger/checkpoint", summary="The latest signed checkpoint 最新检查点")
async def checkpoint(hub: HubDep) -> PlainTextResponse:
    """C2SP tlog-checkpoint, signed and co-signable. Remember it: a later log that does not contain it was rewritten."""
    note = await hub.ledger.checkpoint()
    if note is None:
        raise NotSequencedError("checkpoint")
    return PlainTextResponse(await hub.witnessing.shown(note))


@router.get("/.well-known/tlog-key", summary="The log's public key 账本公钥")
async def log_key(hub: HubDep) -> PlainTextResponse:
    """One line, a C2SP signed-note verifier key: origin, key hash, Ed25519 key. It checks every checkpoint.

    A hub that lies gives a key of its own: compare it once with the `log key` that its operator made known elsewhere,
    and keep it beside the first checkpoint.
    """
    return PlainTextResponse(hub.ledger.verifier + "\n", headers={"Cache-Control": "public, max-age=3600"})


@router.get("/ledger/tile/{path:path}", summary="A tile of the tree, or a bundle of leaves 树片")
async def tile(path: str, hub: HubDep) -> Response:
    """`{level}/{index}` for hashes, `entries/{index}` for leaves, with `.p/{width}` while partial."""
    entries = path.startswith("entries/")
    try:
        wanted = Tile.parse("tile/" + (path.replace("entries/", "0/", 1) if entries else path))
    except SigningError as error:
        raise MissingError(path[:100]) from error
    if entries:
        data = await hub.database.read(lambda tx: entry_bundle(tx, wanted))
    else:
        data = await hub.database.read(lambda tx: published_tile(tx, wanted))
    if data is None:
        raise MissingError("tile")
    return Response(data, media_type="application/octet-stream", headers=_IMMUTABLE)


@router.get("/api/v1/ledger/entries/{entry_id}/proof", summary="Prove that an entry is in the log 包含证明")
async def proof(entry_id: UuidText, hub: HubDep, against: Literal["latest", "cosigned"] = "latest") -> JSONResponse:
    """The id stands in the receipt and is known to its holder only; the proof shows a commitment, never a content.

    `against=cosigned`: under the newest checkpoint that witnesses co-signed, with their lines; under the latest one
    where that does not cover the entry yet.
    """

    def unit(tx: Connection) -> InclusionProof | None:
        return prove_inclusion(tx, entry_id, under=hub.witnessing.under(tx) if against == "cosigned" else None)

    found = await hub.database.read(unit)
    if found is None:
        raise MissingError("entry")
    return JSONResponse(
        {
            "entry": found.entry_id,
            "index": found.index,
            "size": found.size,
            "leaf": found.leaf_data.decode(),
            "leaf_hash": b64encode(found.leaf_hash).decode(),
            "path": [b64encode(node).decode() for node in found.path],
            "checkpoint": found.note,
        }
    )


@router.get("/api/v1/ledger/consistency", summary="Prove that the log only grew 一致性证明")
async def consistency(hub: HubDep, size: Annotated[int, Field(ge=0, le=2**53)]) -> JSONResponse:
    """From the tree of `size` to that of the latest checkpoint."""
    try:
        path, note = await hub.database.read(lambda tx: prove_consistency(tx, size))
    except ValueError as error:
        raise MissingError("size") from error
    return JSONResponse({"from": size, "path": [b64encode(node).decode() for node in path], "checkpoint": note})
