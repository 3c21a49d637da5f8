"""The catalogue people search, put together: search, full entries, demands, departments."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalog.errors import DefinitionError
from catalog.vocabulary import Vocabulary, load_vocabulary
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.types.registry import TypeRegistry
from hub.registry.catalogue.views import CatalogueReader
from hub.registry.clocks import ClockService
from hub.registry.cursors import Cursors
from hub.registry.demands.service import DemandService
from hub.registry.departments.service import DepartmentService
from hub.registry.departments.superiors import Superiors
from hub.registry.search.service import CatalogueSearch
from hub.storage.database import Database
from hub.storage.keystore.port import KeyStore
from hub.storage.vault import DataKey, Vault

VOCABULARY_FILE: Final = "vocabulary.yaml"
"""In the hub's folder: the city's own words, in the form of `catalog/vocabulary.yaml`."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The use cases of the catalogue."""

    search: CatalogueSearch
    reader: CatalogueReader
    demands: DemandService
    departments: DepartmentService
    superiors: Superiors
    cursors: Cursors


def assemble_catalogue(
    database: Database,
    *,
    home: Path,
    keys: KeyStore,
    vault: Vault,
    desk: SigningDesk,
    types: TypeRegistry,
    log_key: DataKey,
    clock: Clock,
) -> Catalogue:
    """Put it together. Raises: DefinitionError when the city's vocabulary cannot be read."""
    cursors = Cursors(keys.secret("cursor").value)
    search = CatalogueSearch(database, types=types, cursors=cursors, vocabulary=city_vocabulary(home), clock=clock)
    return Catalogue(
        search=search,
        reader=CatalogueReader(database, vault=vault, types=types, clock=clock),
        demands=DemandService(
            database, search=search, types=types, clocks=ClockService(vault), log_key=log_key, clock=clock
        ),
        departments=DepartmentService(database, vault=vault, desk=desk, log_key=log_key, clock=clock),
        superiors=Superiors(database, vault=vault, log_key=log_key, clock=clock),
        cursors=cursors,
    )


def city_vocabulary(home: Path) -> Callable[[], Vocabulary]:
    """The shipped vocabulary with the city's additions, if it has any; additions are read now, so that a hub does not
    start on words that it cannot read. The shipped ones take a third of a second, which most commands never need.

    Raises: DefinitionError.
    """
    file = home / VOCABULARY_FILE
    if not file.exists():
        return load_vocabulary
    try:
        vocabulary = load_vocabulary(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{VOCABULARY_FILE}: cannot be read as UTF-8 text") from error
    return lambda: vocabulary
