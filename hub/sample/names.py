"""Invented names and addresses, drawn from a seeded generator."""

from random import Random
from typing import Final

from hub.sample.numbers import DISTRICTS

_SURNAMES: Final = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛"
    "叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_COMPOUND_SURNAMES: Final = ("欧阳", "上官", "诸葛", "司徒", "尉迟", "公孙")
_GIVEN_MALE: Final = "伟军磊洋勇杰涛明超平刚俊峰浩宇轩博文睿思远嘉诚家豪志鹏子昂承景行"
_GIVEN_FEMALE: Final = "芳娜敏静丽艳娟霞秀玲桂英雪梅莉婷慧颖琳佳欣怡然诗涵雨桐若兮书瑶清妍"
# Characters that old systems lose: outside GB 2312, GBK, or the basic plane.
_RARE: Final = "喆堃淼赟昇珺㛃䶮𬍛𫍯𣲗𬱖"
_ETHNICITIES: Final = ("汉",) * 22 + ("回", "壮", "满", "苗", "畲")

_STREETS: Final = ("示范路", "样板街", "假设大道", "例举巷", "虚构路", "模拟街", "试行路", "草案弄")
_ESTATES: Final = ("示例花园", "样本家园", "范例新村", "例句小区", "虚构公馆")
_BRANDS: Final = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥天地元亨利贞"
_TRADES: Final = {
    "食品": "食品生产；食品销售；糕点制售",
    "餐饮管理": "餐饮服务；餐饮管理；食品销售",
    "商贸": "日用百货、文具用品、针纺织品销售；货物进出口",
    "信息技术": "软件开发；信息系统集成服务；数据处理服务",
    "建材": "建筑材料、五金产品销售；室内装饰装修",
    "物流": "道路货物运输（不含危险货物）；仓储服务",
    "机械制造": "通用设备制造；机械零部件加工、销售",
    "农业科技": "农业技术研发、推广；初级农产品收购、销售",
}


def person_name(rng: Random, sex: str) -> str:
    """Two or three characters, seldom four; one in twelve has a rare character."""
    surname = rng.choice(_COMPOUND_SURNAMES) if rng.random() < 0.03 else rng.choice(_SURNAMES)
    letters = _GIVEN_MALE if sex == "男" else _GIVEN_FEMALE
    given = "".join(rng.choice(letters) for _ in range(rng.choice((1, 2, 2))))
    return surname + (rng.choice(_RARE) + given[1:] if rng.random() < 0.08 else given)


def surname_of(name: str) -> str:
    """What a child of this parent is called by."""
    return next((surname for surname in _COMPOUND_SURNAMES if name.startswith(surname)), name[0])


def given_name(rng: Random, sex: str) -> str:
    """A child's given name."""
    letters = _GIVEN_MALE if sex == "男" else _GIVEN_FEMALE
    return "".join(rng.choice(letters) for _ in range(rng.choice((1, 2))))


def ethnicity(rng: Random) -> str:
    """Mostly Han, as in most cities."""
    return rng.choice(_ETHNICITIES)


def dwelling(rng: Random, division: str) -> str:
    """An address to live at."""
    return (
        f"示例省示例市{DISTRICTS[division]}{rng.choice(_STREETS)}{rng.randint(1, 300)}号"
        f"{rng.choice(_ESTATES)}{rng.randint(1, 30)}幢{rng.randint(1, 4)}单元{rng.randint(1, 18)}0{rng.randint(1, 4)}室"
    )


def premises(rng: Random, division: str) -> str:
    """An address to trade from."""
    return f"示例省示例市{DISTRICTS[division]}{rng.choice(_STREETS)}{rng.randint(1, 300)}号{rng.randint(1, 20)}幢"


def enterprise_name(rng: Random) -> tuple[str, str]:
    """A name and the business scope that goes with it. Not unique."""
    trade = rng.choice(tuple(_TRADES))
    brand = "".join(rng.choice(_BRANDS) for _ in range(rng.choice((2, 2, 3))))
    form = rng.choice(("有限公司", "有限公司", "有限公司", "有限责任公司", "股份有限公司"))
    return f"示例市{brand}{trade}{form}", _TRADES[trade]
