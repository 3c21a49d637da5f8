"""`python -m yizheng_client.conformance`: the checks from the command line, without a hub's own programs."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import httpx2

from yizheng_client.conformance.hub_checks import HUB_CHECKS
from yizheng_client.conformance.receiver_checks import RECEIVER_CHECKS, ReceiverUnder
from yizheng_client.conformance.report import Checked, Report, run_checks
from yizheng_client.conformance.subject import HubUnder, Told, read_file
from yizheng_client.errors import ConfigurationError, NetworkError
from yizheng_client.jose import SigningKey
from yizheng_client.session import Retries, Settings, checked

USAGE: Final = 64
UNAVAILABLE: Final = 69
SECONDS: Final = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all that was looked at is so, 1 something is not, 64 a wrong call, 69 nobody answers."""
    given = _parser().parse_args(arguments)
    try:
        report = _run(given)
    except ConfigurationError as error:
        sys.stderr.write(f"conformance: {error}\n")
        return USAGE
    except NetworkError:
        sys.stderr.write("conformance: nobody answers there\n")
        return UNAVAILABLE
    counts = report.counts()
    if given.json:
        _say(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        _say(", ".join(f"{count} {state}" for state, count in counts.items()))
    if given.report:
        text = json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n"
        try:
            Path(given.report).write_text(text, "utf-8")
        except OSError as error:
            sys.stderr.write(f"conformance: the report cannot be written: {error.strerror}\n")
            return USAGE
    return 0 if report.passed else 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _run(given: argparse.Namespace) -> Report:
    def told(item: Checked) -> None:
        if not given.json:
            _say(item.line())

    if bool(given.against) == bool(given.receiver):
        raise ConfigurationError("name a hub with --against, or a receiver with --receiver")
    if given.receiver:
        if given.secret_file is None:
            raise ConfigurationError("--receiver wants --secret-file")
        try:
            secret = Path(given.secret_file).read_text("utf-8").strip()
        except OSError as error:
            raise ConfigurationError("the file of the secret cannot be read") from error
        with httpx2.Client(timeout=SECONDS, trust_env=False) as http:
            _reach(http, given.receiver)
            receiver = ReceiverUnder(http, given.receiver, secret)
            return run_checks(RECEIVER_CHECKS, receiver, against=_host(given.receiver), told=told)
    settings = checked(Settings(given.against, "", given.issuer or "", "en", Retries(1), None))
    key, client_id, case = _who(given)
    with httpx2.Client(base_url=settings.base_url, timeout=SECONDS, trust_env=False) as http:
        _reach(http, "/health/live")
        hub = HubUnder(
            http, settings.issuer, client_id, key, case, log_key=given.log_key, listen=given.listen, limits=given.limits
        )
        try:
            return run_checks(HUB_CHECKS, hub, against=settings.base_url, told=told)
        finally:
            hub.stop_listening()


def _reach(http: httpx2.Client, url: str) -> None:
    """Raises: NetworkError: a run against nobody would look like a hub that does everything wrong."""
    try:
        http.get(url)
    except httpx2.TransportError as error:
        raise NetworkError("connect") from error


def _who(given: argparse.Namespace) -> tuple[SigningKey, str, Told]:
    """Key, name and case: of the sample city, or as they are given."""
    if given.sample:
        path = Path(given.sample)
        sample = read_file(path)
        try:
            systems = [item for item in sample["systems"] if item.get("matters")]
            client_id = given.client_id or systems[0]["client_id"]
            told = Told.of_sample(sample, client_id)
            system = next(item for item in systems if item["client_id"] == client_id)
            key_file, kid = path.parent / system["private_key_file"], system["kid"]
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ConfigurationError(f"{path.name} is not the sample.json of a hub") from error
        return _key(key_file, kid), client_id, told
    if not (given.client_id and given.key and given.case):
        raise ConfigurationError("--against wants --sample, or --client-id, --key and --case")
    return _key(Path(given.key), given.kid), given.client_id, Told.read(read_file(Path(given.case)))


def _key(path: Path, kid: str | None) -> SigningKey:
    try:
        return SigningKey.from_pem(path.read_bytes(), kid=kid)
    except OSError as error:
        raise ConfigurationError("the file of the key cannot be read") from error


def _host(url: str) -> str:
    """An address may hold a secret in its path."""
    return httpx2.URL(url).host


class _Parser(argparse.ArgumentParser):
    """Its own code for a wrong call would be one of the checks' verdicts."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"conformance: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="yizheng conformance", description="Conformance checks 一致性检查")
    add = parser.add_argument
    add("--against", metavar="URL", help="a hub 被查平台")
    add("--sample", metavar="FILE", help="sample.json of a hub with the sample city 示例数据")
    add("--client-id", metavar="ID", help="the system to ask as 应用系统标识")
    add("--key", metavar="FILE", help="its private key, P-256, PEM 私钥")
    add("--kid", metavar="KID", help="as the key was registered; default: its thumbprint")
    add("--case", metavar="FILE", help="JSON: matter, parties, purpose; corroboration and expect if wanted 办件")
    add("--issuer", metavar="URL", help="what the hub calls itself, if that is not its URL")
    add("--log-key", metavar="KEY", help="the log's public key, to look for a receipt's entry 存证账本公钥")
    add("--listen", metavar="HOST:PORT", help="where the hub can reach a receiver that is opened here 接收地址")
    add("--limits", metavar="N", type=int, default=0, help="ask up to N times, to see what becomes of it 限速")
    add("--receiver", metavar="URL", help="a receiver of webhooks instead of a hub 被查接收方")
    add("--secret-file", metavar="FILE", help="the secret that the receiver knows 密钥文件")
    add("--report", metavar="FILE", help="write the report as JSON 报告")
    add("--json", action="store_true", help="the report as JSON on standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
