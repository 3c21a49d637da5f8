"""`yizheng system reader`: devices that sign what they read or compare, by department."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub


def system_reader(
    key: Annotated[Path | None, typer.Argument(help="Its public key, a P-256 JWK 读卡器公钥")] = None,
    department: Annotated[str | None, typer.Option("--department", help="Whose it is, by USCC 部门")] = None,
    name: Annotated[str, typer.Option("--name", help="Where it stands 名称")] = "读卡器",
    face: Annotated[bool, typer.Option("--face", help="It compares faces, and reads no cards 人脸比对设备")] = False,
    end: Annotated[str | None, typer.Option("--end", help="The kid of one to take out of use 停用")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a card reader's key (--face: of a device that compares faces), or take one out of use. 读卡器

    What it signs counts as card_read, or face_compared.
    """
    if (end is None) is (key is None or department is None):
        fail("name a key and --department, or --end KID", "yizheng system reader KEY --department USCC", Exit.USAGE)
    jwk = _read(key) if key is not None and end is None else {}

    async def work(hub: "Hub") -> str:
        from catalog.errors import DefinitionError
        from hub.access.actors import COMMAND
        from hub.intake.counter.readers import CARD, FACE
        from hub.storage.errors import ConflictError, MissingError

        try:
            if end is not None:
                await hub.counter.readers.end(COMMAND, end)
                return end
            kind = FACE if face else CARD
            return await hub.counter.readers.register(COMMAND, department or "", jwk, name, kind=kind)
        except (DefinitionError, ConflictError, MissingError) as error:
            fail(f"not done: {error}", "the key is a public P-256 JWK, registered once", Exit.BAD_DATA)

    kid = with_hub(home, work, writes=True)
    what = "a device of this department that compares faces" if face else "a card reader of this department"
    show({"kid": kid, "reader": end is None}, as_json=as_json, text=f"{kid} is {'out of use' if end else what}")


def _read(path: Path) -> dict[str, object]:
    import json

    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        fail(f"{path} cannot be read as JSON", "give the public key as JWK", Exit.BAD_DATA)
    if not isinstance(found, dict):
        fail(f"{path} is no JWK", "give the public key as JWK", Exit.BAD_DATA)
    return found
