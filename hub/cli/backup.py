"""`yizheng backup` and `yizheng restore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, guarded, settings_of, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub
    from hub.storage.backup.service import Backup


def backup(
    out: Annotated[Path, typer.Argument(help="A folder that is new or empty 新的或空的文件夹")],
    without_objects: Annotated[
        bool, typer.Option("--without-objects", help="The object store has a backup of its own 不含对象")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the hub as of now, while it runs; without its keys and without the witness folder. 备份"""

    async def work(hub: "Hub") -> "tuple[Backup, tuple[str, ...]]":
        import asyncio

        from hub.storage.backup.service import NotEmptyError, make_backup

        objects = None if without_objects else hub.objects
        try:
            return await asyncio.to_thread(
                lambda: make_backup(hub.settings, out, vault=hub.vault, objects=objects, now=hub.clock())
            )
        except NotEmptyError as error:
            fail(str(error), "name a folder that is new or empty", Exit.USAGE)

    made, broken = with_hub(home, work, started=False)
    value = {
        "backup": str(out),
        "made_at": made.made_at,
        "database": made.database,
        "entries": made.entries,
        "objects": made.objects,
        "unreadable_objects": list(broken),
        "not_inside": made.key_file,
    }
    text = [
        f"backup    {out}  {made.database}, {made.entries} log entries, {made.objects} objects",
        f"not in it {made.key_file} and its master key: keep a copy elsewhere, apart from this one",
        "not in it the witness folder: never beside a backup",
        *(f"unreadable {name}" for name in broken),
    ]
    show(value, as_json=as_json, text="\n".join(text))


def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that `yizheng backup` wrote 备份文件夹")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back into an empty home; keys, master key and witness folder must lie there already. 恢复"""
    settings = settings_of(home)

    async def work() -> "Backup":
        import asyncio

        from hub.assembly.ground import open_keys, open_objects
        from hub.storage.backup.service import KEY_FILE, NotEmptyError, restore_backup
        from hub.storage.vault import Vault

        if not (settings.home / KEY_FILE).exists():
            fail(f"{settings.home / KEY_FILE} is missing", "no backup holds it: bring it back first", Exit.USAGE)
        vault = Vault(open_keys(settings))
        objects = open_objects(settings)
        try:
            return await asyncio.to_thread(lambda: restore_backup(settings, folder, vault=vault, objects=objects))
        except NotEmptyError as error:
            fail(str(error), "restore into an empty home and database; nothing is overwritten", Exit.USAGE)

    restored = guarded(work)
    listed = (settings.witness_folder() / "erased.jsonl").exists()
    value = {
        "home": str(settings.home),
        "made_at": restored.made_at,
        "entries": restored.entries,
        "erased_list": listed,
    }
    text = [
        f"restored  {settings.home}  as of {restored.made_at}, {restored.entries} log entries",
        "erased    whoever is on the list is erased again at the next start"
        if listed
        else "erased    no list in the witness folder: if anybody was ever erased, bring it back before you start",
        "next      yizheng ledger verify; then yizheng check",
    ]
    show(value, as_json=as_json, text="\n".join(text))
