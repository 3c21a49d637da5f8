"""What to share next 下一步共享: which type, interface or grant would save most papers, by the cases there were."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from hub.deps import HubDep
from hub.web.console.frame import render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
SIMULATOR: Final = "/console/simulator"
PERIODS: Final = (7, 30, 90, 365)
MOST: Final = 1000
"""Cases that a page looks at, the newest first; the command line looks at fifty times as many."""
ADDED: Final = {
    "provider": ("开始提供", "begin to provide it", "wait"),
    "coverage": ("补全记录", "complete its records", "wait"),
    "new": ("新增证明来源", "find a source for it", "off"),
    "grant": ("授权使用", "grant it", "info"),
}
"""What would be done, and how it is shown."""


@router.get(SIMULATOR, response_class=HTMLResponse)
async def simulator(
    request: Request, hub: HubDep, actor: ConsoleDep, days: Annotated[int, Query(ge=1, le=3660)] = 90
) -> HTMLResponse:
    """The single additions, the one that saves most first, with what the figures suppose."""
    found = await hub.simulating.simulate(actor, days=days, most=MOST)
    return render(
        request, "console/supervision/simulator.html", actor, found=found, days=days, periods=PERIODS, added=ADDED,
        most=MOST, path_of=SIMULATOR,
    )  # fmt: skip
