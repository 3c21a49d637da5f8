"""Why a change of a certificate type is refused."""

from collections.abc import Sequence

from certificates.definitions.checks import TypeProblem
from certificates.errors import CertificateError


class TypeFaultsError(CertificateError):
    """A description that somebody sent is faulty; `problems` names everything."""

    def __init__(self, problems: Sequence[TypeProblem]) -> None:
        super().__init__("; ".join(f"/{problem.where}: {problem.reason}" for problem in problems))
        self.problems = tuple(problems)


class SlugTakenError(CertificateError):
    """Another type has, or had, this short name: files and grants name types by it."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"another type is called {slug}")
