"""One hub for all packs, played once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from hub.founding import found
from hub.runtime import Hub
from hub.scenarios.lines import PackRun
from hub.scenarios.loading import Loaded, load
from hub.scenarios.pack import SHIPPED, shipped_pack, shipped_packs
from hub.scenarios.running import run
from tests.support import Place


@dataclass(frozen=True)
class Played:
    """By pack; `without` by pack and withheld type or source, for the first cases."""

    runs: Mapping[str, PackRun]
    without: Mapping[tuple[str, str], PackRun]
    asking: PackRun
    """A usual case, whose clerk asks for a paper all the same."""


def quiet(_step: str, _done: int, _total: int) -> None:
    return


WHOLE = {"home-transfer", "open-a-company"}
"""Of these, once, also the matters that name nothing of what is withheld are played again: nothing else may change."""


def ablations(name: str) -> list[str]:
    """Every granted type, and every source, of a pack. Not asked for while tests are collected: every worker would read
    every pack.
    """
    declared = shipped_pack(name).declared
    return [item.get("type") or item["interface"] for item in declared["grants"]] + list(declared.get("sources", {}))


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    place = Place(tmp_path_factory.mktemp("scenarios") / "home", None)

    async def play() -> Played:
        await found(place.settings())
        async with place.open() as hub:
            packs = [shipped_pack(name) for name in shipped_packs()]
            loaded = await load(hub, packs, place.home / "scenarios", on_progress=quiet)
            runs = {name: await run(hub, item, on_progress=quiet) for name, item in loaded.items()}
            done: dict[tuple[str, tuple[str, ...]], PackRun] = {}
            without: dict[tuple[str, str], PackRun] = {}
            for name, withheld in [(pack, each) for pack in runs for each in ablations(pack)]:
                types = loaded[name].given_by(withheld)
                whole = name in WHOLE and name not in {pack for pack, _ in without}
                base = None if whole else runs[name]
                if (name, types) not in done:  # a source with one interface is that interface
                    done[name, types] = await run(
                        hub, loaded[name], on_progress=quiet, withheld=types, only=few(runs[name], types), base=base
                    )
                without[name, withheld] = done[name, types]
            return Played(runs, without, await asked_all_the_same(hub, loaded["housing-fund-loan"]))

    return asyncio.run(play())


async def asked_all_the_same(hub: Hub, loaded: Loaded) -> PackRun:
    asks = ({"requirement": "fund_marriage", "reason": "original_wanted"},)
    usual = replace(loaded.pack.cases[0], asks=asks)
    asking = replace(loaded, pack=replace(loaded.pack, cases=(usual,)))
    return await run(hub, asking, on_progress=quiet)


def few(run: PackRun, withheld: Sequence[str]) -> list[str]:
    """The case that is played once more without these: the first that they fed; the usual one, where they fed none."""
    cases = [case for case in run.cases if not case.spec.without_table]
    fed = (case for case in cases if any(case.fed_by(name) for name in withheld))
    return [next(fed, cases[0]).spec.key]


@pytest.fixture(scope="session")
def pack_text() -> str:
    return SHIPPED.joinpath("open-a-company.yaml").read_text(encoding="utf-8")
