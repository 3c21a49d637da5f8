"""What people call the things of a bulk run: what is asked, of which papers or fields, by whom, and who releases it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.grants import ResourceKind
from catalog.store import find_matter, list_departments, systems_of
from hub.exchange.bulk.store import Run, RunState
from hub.issuing.types.registry import TypeRegistry
from hub.registry.meanings import Words
from hub.web.console.consumer.names import names_of


@dataclass(frozen=True, slots=True)
class Asked:
    """A matter or interface and its papers or fields, by code, in Chinese and English."""

    title: Words
    parts: Mapping[str, Words]


@dataclass(frozen=True, slots=True)
class BulkNames:
    """Of the runs on a page."""

    asked: Mapping[str, Asked]
    """By the code of the matter or interface."""
    systems: Mapping[str, Words]
    departments: Mapping[str, Words]
    """By id."""

    def title(self, run: Run) -> Words:
        """Of the matter or interface."""
        return self.asked[run.interface].title

    def parts(self, run: Run) -> list[Words]:
        """Of the papers or fields that were asked for, in their order."""
        known = self.asked[run.interface].parts
        return [known.get(code, (code, code)) for code in run.ordered.get("requirements") or run.ordered["fields"]]

    def system(self, run: Run) -> Words:
        """Of the system that asks."""
        return self.systems.get(run.client_id, (run.client_id, run.client_id))

    def department(self, department_id: str) -> Words:
        """Of a department."""
        return self.departments.get(department_id, ("—", "—"))

    def releasing(self, run: Run) -> list[tuple[Words, bool]]:
        """The departments whose word it takes, and whether each has agreed."""
        agreed = run.owners if run.state is RunState.RELEASED else run.decision.get("agreed", {})
        return [(self.department(owner), owner in agreed) for owner in run.owners]


def bulk_names(tx: Connection, types: TypeRegistry, runs: Sequence[Run]) -> BulkNames:
    """Their names as they are today."""
    asking = {run.asking_department_id for run in runs}
    return BulkNames(
        asked={run.interface: _asked(tx, types, run) for run in {run.interface: run for run in runs}.values()},
        systems={
            item["client_id"]: (item["name"]["zh"], item["name"]["en"])
            for department_id in asking
            for item in systems_of(tx, department_id)
        },
        departments={item.id: (item.name_zh, item.name_en) for item in list_departments(tx)},
    )


def _asked(tx: Connection, types: TypeRegistry, run: Run) -> Asked:
    if "matter" not in run.ordered:
        found = names_of(tx, types, ResourceKind.INTERFACE, run.interface, matters=(), owner="")
        return Asked(found.title, found.fields)
    known = find_matter(tx, run.interface)
    if known is None:
        return Asked((run.interface, run.interface), {})
    matter = known[1]
    return Asked(
        (matter.name_zh, matter.name_en), {item.code: (item.title_zh, item.title_en) for item in matter.requirements}
    )
