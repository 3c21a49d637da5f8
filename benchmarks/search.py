"""Searching 10,000 entries, beside a scan of all titles for the same text, and beside one dictionary look-up.

The scan is what a search without an index does for the plainest query; it knows no synonyms, pinyin or slips.
"""

import gc
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from statistics import quantiles
from typing import Any, Final

from benchmarks.rounds import Effort, Line, Spread, interleave, ratios
from catalog.vocabulary import load_vocabulary
from hub.registry.search.documents import Document, EntryKind
from hub.registry.search.index import SearchIndex
from hub.registry.search.match import best, match
from hub.registry.search.query import read_query

ENTRIES: Final = 10_000
QUERIES: Final = (
    "户口", "营业执照", "yyzz", "busines licence", "企业登记信息", "不动产 抵押", "11990000MB0000002Q001",
    "社保 市人社局", "driving licence", "房产证", "个人所得税纳税记录", "registration", "登记信息", "hkb",
    "疫苗接种单位",
)  # fmt: skip
_SUBJECTS: Final = (
    "企业", "个体工商户", "居民户籍", "不动产", "机动车", "婚姻", "社会保险", "医疗保险", "住房公积金", "学籍",
    "教师资格", "食品经营", "特种设备", "建筑施工", "排污", "道路运输", "残疾人", "退役军人", "纳税人", "律师执业",
    "医师执业", "船舶", "土地承包", "危险化学品", "预防接种",
)  # fmt: skip
_WORDS: Final = (
    "enterprise", "trader", "household", "estate", "vehicle", "marriage", "insurance", "medical", "fund", "school",
    "teacher", "food", "equipment", "construction", "pollution", "transport", "disability", "veteran", "taxpayer",
    "lawyer", "physician", "ship", "land", "chemical", "vaccination",
)  # fmt: skip
_ACTS: Final = ("登记", "许可", "变更", "注销", "年检", "处罚", "缴费", "核验")
_EN_ACTS: Final = ("registration", "permit", "change", "cancellation", "inspection", "penalty", "payment", "check")
_FIELDS: Final = ("姓名", "公民身份号码", "证照编号", "有效期至", "经营范围", "登记日期", "住址")
_PLACES: Final = tuple(f"{name}区" for name in "东西南北中高新临江滨海开发湖山平安")


def documents(count: int) -> list[Document]:
    """Entries as districts publish them: many alike, each with eight field titles."""
    found = []
    for number in range(count):
        subject, act = number % len(_SUBJECTS), number // len(_SUBJECTS) % len(_ACTS)
        place = _PLACES[number // (len(_SUBJECTS) * len(_ACTS)) % len(_PLACES)]
        code = f"{_WORDS[subject]}_{_EN_ACTS[act]}_{number}"
        department = f"1199{number % 120:04}MB0000012Y"
        found.append(
            Document(
                key=f"interface:{code}",
                kind=EntryKind.INTERFACE,
                code=code,
                title={
                    "zh": f"{place}{_SUBJECTS[subject]}{_ACTS[act]}信息",
                    "en": f"{_WORDS[subject]} {_EN_ACTS[act]}".capitalize(),
                },
                owner_department_id=department,
                public=True,
                facets={
                    "kind": "interface", "department": department, "theme": f"主题信息资源/{_SUBJECTS[subject]}",
                    "sharing": "conditional", "update_cycle": "daily", "state": "live",
                },
                department={"zh": f"{place}主管部门", "en": "Department"},
                fields=(*_FIELDS, f"状态{number % 50}"),
            )
        )  # fmt: skip
    return found


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    entries = documents(int(ENTRIES * effort.scale) or 1)
    index = SearchIndex(load_vocabulary())
    started = time.perf_counter()
    for entry in entries:
        index.put(entry)
    built = time.perf_counter() - started
    titles = [(entry.title["zh"], entry.title["en"].lower(), entry) for entry in entries]
    codes = {entry.code: entry for entry in entries}
    everything = (1 << index.slots) - 1

    def ours(query: str) -> Any:
        return best(index, match(index, read_query(query, index), everything), 20, None)

    def scan(query: str) -> Any:
        wanted = query.lower()
        return [entry for zh, en, entry in titles if wanted in zh or wanted in en][:20]

    def replace(_: str) -> Any:
        index.put(entries[len(entries) // 2])

    gc.freeze()
    work = {
        "ours": ours, "scan": scan, "look-up": codes.get, "change": replace,
    }  # fmt: skip
    halves = {"p50": 49, "p99": 98}
    measures = {
        f"{name} {half}": partial(_percentile, job, place, effort.seconds)
        for name, job in work.items()
        for half, place in halves.items()
    }
    values = interleave(effort.rounds, measures)
    middle = {name: Spread.of(found).middle for name, found in values.items()}
    look_up = f"dict look-up {middle['look-up p50']:.3g} µs"
    note = f"{len(index):,} entries, {len(QUERIES)} queries, first 20; built in {built:.1f} s; {look_up}"
    lines = [
        Line(
            f"search the catalogue, {half}", "µs", Spread.of(values[f"ours {half}"]),
            f"scan of all titles {middle[f'scan {half}']:,.0f} µs",
            ratios(values, f"ours {half}", f"scan {half}"), note=note,
        )
        for half in halves
    ]  # fmt: skip
    change = ratios(values, "change p50", "look-up p50")
    return [*lines, Line("take one change into the index, p50", "µs", Spread.of(values["change p50"]), look_up, change)]


def _percentile(work: Callable[[str], object], place: int, seconds: float) -> float:
    """A percentile of single calls, in microseconds; the queries take turns."""
    taken: list[float] = []
    until = time.perf_counter() + seconds
    for query in cycle(QUERIES):
        begin = time.perf_counter()
        work(query)
        end = time.perf_counter()
        taken.append((end - begin) * 1e6)
        if end > until and len(taken) >= 200:
            return quantiles(taken, n=100)[place]
    raise AssertionError("unreachable")
