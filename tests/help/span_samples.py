"""Small SPAN files in both formats: the NSE and ICE examples whose arrays are published, and larger ones for speed.

Columns are written by number straight from CME's layout pages and not by the reader's tables, so that one checks the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# ICE Clear US, SPAN Margin System, 2015, section 2.2.1: sugar, losses positive per one long contract
SUGAR_FUTURE = (0, 0, -767, -767, 767, 767, -1533, -1533, 1533, 1533, -2300, -2300, 2300, 2300, -2277, 2277)
SUGAR_PUT = (-186, 225, 188, 611, -609, -224, 514, 934, -1083, -734, 795, 1201, -1605, -1303, 613, -1824)
SUGAR_CALL = (-178, 212, -504, -84, 100, 451, -876, -440, 333, 636, -1296, -855, 522, 774, -1475, 334)
# section 2.5.1: options on the small and the large Russell future, of 100 contracts long and 80 short
TF_CALL = (
    -25600,
    28900,
    -105400,
    -52500,
    45900,
    100000,
    -193200,
    -143200,
    108300,
    160600,
    -288400,
    -242500,
    162000,
    210600,
    -317600,
    109700,
)
RF_CALL = (28960, -19200, 96400, 58240, -35440, -94560, 166400, 136880, -96240, -166480, 238640, 216240, -153120, -233520, 229680, -141520)
# a public description of nsccl.20260625.i01.spn: NIFTY future of 30 June 2026
NIFTY_FUTURE = (
    8.72,
    8.72,
    -736.49,
    -736.49,
    753.93,
    753.93,
    -1481.70,
    -1481.70,
    1499.14,
    1499.14,
    -2226.91,
    -2226.91,
    2244.36,
    2244.36,
    -1561.89,
    1568.00,
)


class Item(NamedTuple):
    """One contract of a sample.

    Attributes:
        decimals: of its array in the positional format
        future: month of the future that an option is on, its own where left out
    """

    exchange: str
    product: str
    family: str
    right: str
    month: str
    day: str
    strike: float
    underlying: str
    price: float
    factor: float
    price_range: float
    vol_range: float
    vol: float
    delta: float
    expiry: str
    currency: str
    array: tuple[float, ...]
    decimals: int = 0
    future: str = ""


def sugar(right: str, strike: float, price: float, vol: float, delta: float, array: tuple[float, ...]) -> Item:
    """May 2010 sugar; a blank right is the future."""
    option = bool(right)
    return Item(
        "NYB",
        "SB",
        "OOF" if option else "FUT",
        right,
        "201005",
        "",
        strike,
        "SB" if option else "",
        price,
        1120.0,
        2300.0,
        0.12,
        vol,
        delta,
        "20100415" if option else "20100430",
        "USD",
        array,
    )


SUGAR = (
    sugar("", 0.0, 22.64, 0.0, 1.0, SUGAR_FUTURE),
    sugar("P", 23.25, 1.87, 0.48881, -0.5319, SUGAR_PUT),
    sugar("C", 24.25, 0.93, 0.49706, 0.3752, SUGAR_CALL),
)
RUSSELL = (
    Item(
        "NYB",
        "TF",
        "OOF",
        "C",
        "201006",
        "",
        700.0,
        "TF",
        31.5,
        100.0,
        5000.0,
        0.1,
        0.25,
        0.5661,
        "20100618",
        "USD",
        tuple(value / 100 for value in TF_CALL),
    ),
    Item(
        "NYB",
        "RF",
        "OOF",
        "C",
        "201006",
        "",
        600.0,
        "RF",
        40.25,
        100.0,
        5000.0,
        0.1,
        0.25,
        0.8754,
        "20100618",
        "USD",
        tuple(-value / 80 for value in RF_CALL),
    ),
)
NIFTY = (
    Item(
        "NSE", "NIFTY", "FUT", "", "202606", "30", 0.0, "NIFTY", 24051.80, 1.0, 2234.01, 0.04, 0.17, 1.0, "20260630", "INR", NIFTY_FUTURE, 2
    ),
)


def line(*fields: tuple[int, str], width: int = 132) -> str:
    """A record from (first column counted from 1, text) pairs."""
    characters = [" "] * width
    for start, text in fields:
        characters[start - 1 : start - 1 + len(text)] = text
    return "".join(characters).rstrip()


def digits(value: float, length: int, decimals: int = 0) -> str:
    """A magnitude without its decimal point, with leading zeros."""
    text = f"{round(abs(value) * 10**decimals):0{length}d}"
    assert len(text) == length, (value, length)
    return text


def sign(value: float) -> str:
    """The sign as the files print it."""
    return "-" if value < 0 else "+"


def risk_lines(item: Item, price_decimals: int = 2) -> Iterable[str]:
    """Records 81 and 82, or 83 and 84 where five digits are too few."""
    wide = max(abs(round(value * 10**item.decimals)) for value in item.array) > 99_999
    width, names = (8, ("83", "84")) if wide else (5, ("81", "82"))
    option = bool(item.right)
    future = ("", "") if option and item.family != "OOF" else (item.future, "") if item.future else (item.month, item.day)
    key = (
        (3, item.exchange),
        (6, item.product),
        (16, item.underlying),
        (26, item.family),
        (29, item.right),
        (30, future[0] or "000000"),
        (36, future[1]),
        (39, item.month if option else "000000"),
        (45, item.day if option else ""),
        (48, digits(item.strike, 7, 2)),
    )
    for name, values in zip(names, (item.array[:9], item.array[9:])):
        fields = [(1, name), *key]
        for n, value in enumerate(values):
            fields.append((55 + n * (width + 1), digits(value, width, item.decimals) + sign(value)))
        if name in ("82", "84"):
            end = 97 if name == "82" else 118
            fields += [
                (end, digits(item.delta, 5, 4) + sign(item.delta)),
                (end + 6, digits(item.vol, 8, 6)),
                (end + 14, digits(item.price, 7, price_decimals) + sign(item.price) + sign(item.strike)),
            ]
        yield line(*fields, width=192)


def calculation_line(item: Item) -> str:
    """Record B; the five digits of the price scan range have no decimals."""
    option = bool(item.right)
    return line(
        (1, "B "),
        (3, item.exchange),
        (6, item.product),
        (16, item.family),
        (19, item.future or item.month),
        (25, "" if item.future else item.day),
        (28, item.month if option else "000000"),
        (34, item.day if option else ""),
        (37, "00000000"),
        (45, digits(item.vol_range, 8, 6)),
        (53, digits(item.price_range, 5)),
        (58, "0300003300"),
        (68, "00250"),
        (73, "0120000"),
        (80, "002740"),
        (86, "010000"),
        (92, item.expiry),
        (100, item.underlying),
        (110, "W "),
    )


def price_line(item: Item) -> str:
    """Record P with two decimals."""
    return line(
        (1, "P "),
        (3, item.exchange),
        (6, item.product),
        (16, item.family),
        (19, item.product),
        (34, "002"),
        (37, "002"),
        (42, digits(item.factor, 14, 7)),
        (66, item.currency),
        (117, "EQTY" if item.right else "FUT"),
    )


def positional(items: Iterable[Item], header: str = "NYB   20100302S", more: Iterable[str] = ()) -> bytes:
    """An expanded file of these contracts, with the parameters of sugar's example and the spreads of SPAN-03 and -04."""
    items = tuple(items)
    lines = [line((1, "0 "), (3, header), (36, "U2")), line((1, "T "), (3, "INRRUSD$"), (11, "0000010559")), line((1, "1 "), (3, "NYB"))]
    lines += dict.fromkeys(price_line(item) for item in items)
    products = dict.fromkeys(
        (item.exchange, item.underlying or item.product, item.product, item.family, item.currency, item.decimals) for item in items
    )
    for code in dict.fromkeys((key[0], key[1], key[4]) for key in products):
        inside = [key for key in products if key[:2] == code[:2]]
        fields = [(1, "2 "), (3, code[0]), (7, code[1]), (13, "0"), (14, code[2]), (18, "P"), (19, "Y")]
        for n, key in enumerate(inside):
            fields.append((23 + 16 * n, f"{key[2]:<10}{key[3]}{key[5]}+"))
        lines.append(line(*fields))
    lines += [
        line((1, "3 "), (3, "SB"), (9, "10"), (11, "01201005201007"), (25, "02201010201110"), (69, "110011501200")),
        line(
            (1, "4 "),
            (3, "SB"),
            (9, "10"),
            (11, "01"),
            (13, "01201005"),
            (21, "0000100"),
            (28, "0000200"),
            (63, "0000100"),
            (70, "100100100"),
            (79, "1"),
        ),
        line((1, "S "), (3, "SB"), (9, "01"), (11, "00"), (83, "2")),
        line((1, "C "), (3, "SB"), (9, "10"), (11, "02"), (13, "02"), (15, "0000100"), (22, "010201A020201B")),
        line((1, "C "), (3, "SB"), (9, "10"), (11, "01"), (13, "02"), (15, "0000200"), (22, "010101A020101B")),
        line((1, "6 "), (3, "ALL"), (6, "0001"), (10, "0800000"), (17, "NYB TF    0010000A"), (35, "NYB RF    0010000B"), (89, "02")),
        *dict.fromkeys(calculation_line(item) for item in items),
    ]
    for item in items:
        lines += risk_lines(item)
    return "\r\n".join([*lines, *more, ""]).encode("latin-1")


def element(name: str, *inside: str) -> str:
    """An element on a line of its own."""
    return f"<{name}>{''.join(inside)}</{name}>\r\n"


def number(value: float) -> str:
    """A number as the files print it."""
    return f"{value:.10g}"


def array_element(item: Item) -> str:
    """Risk array and composite delta."""
    return element("ra", "<r>1</r>", *(f"<a>{value:.2f}</a>" for value in item.array), f"<d>{number(item.delta)}</d>")


def contract_element(item: Item, tag: str) -> str:
    """A future."""
    return element(
        tag,
        f"<cId>{item.month}{item.day}</cId>",
        f"<pe>{item.month}{item.day or '00'}</pe>",
        f"<p>{item.price:.2f}</p>",
        "<d>1.0</d>",
        f"<v>{number(item.vol)}</v>",
        f"<cvf>{number(item.factor)}</cvf>",
        "<sc>1.00000</sc>",
        f"<setlDate>{item.expiry}</setlDate>",
        element(
            "scanRate", "<r>1</r>", f"<priceScan>{number(item.price_range)}</priceScan>", f"<volScan>{number(item.vol_range)}</volScan>"
        ),
        array_element(item),
    )


def series_element(items: list[Item], exchange: str, under: str) -> str:
    """Options of one expiry."""
    first = items[0]
    options = [
        element(
            "opt",
            f"<cId>{n}</cId>",
            f"<o>{item.right}</o>",
            f"<k>{item.strike:.2f}</k>",
            f"<p>{item.price:.2f}</p>",
            f"<d>{number(item.delta)}</d>",
            f"<v>{number(item.vol)}</v>",
            array_element(item),
        )
        for n, item in enumerate(items)
    ]
    return element(
        "series",
        f"<pe>{first.month}{first.day or '00'}</pe>",
        "<v>0.4</v>",
        f"<setlDate>{first.expiry}</setlDate>",
        f"<cvf>{number(first.factor)}</cvf>",
        "<sc>1.00000</sc>",
        element("undC", f"<exch>{exchange}</exch>", f"<pfId>{under}</pfId>", f"<cId>{first.future or first.month + first.day}</cId>"),
        element(
            "scanRate", "<r>1</r>", f"<priceScan>{number(first.price_range)}</priceScan>", f"<volScan>{number(first.vol_range)}</volScan>"
        ),
        *options,
    )


def portfolios(items: tuple[Item, ...]) -> tuple[str, dict[str, str]]:
    """The `exchange` element of contracts of one exchange, and the links of its combined commodities."""
    ids = {key: str(n) for n, key in enumerate(dict.fromkeys((item.product, item.family) for item in items), 1)}
    text, links = [f"<exch>{items[0].exchange}</exch>"], dict[str, str]()
    for (product, family), name in ids.items():
        inside = [item for item in items if (item.product, item.family) == (product, family)]
        first = inside[0]
        fields = [
            f"<pfId>{name}</pfId>",
            f"<pfCode>{product}</pfCode>",
            f"<name>{product} caf\xe9</name>",
            f"<currency>{first.currency}</currency>",
            f"<valueMeth>{'EQTY' if first.right else 'FUT'}</valueMeth>",
            element("undPf", f"<pfCode>{first.underlying}</pfCode>"),
        ]
        if family == "FUT":
            fields += [contract_element(item, "fut") for item in inside]
        else:
            months = dict.fromkeys((item.month, item.day) for item in inside)
            fields += [
                series_element(
                    [item for item in inside if (item.month, item.day) == key], first.exchange, ids.get((first.underlying, "FUT"), "")
                )
                for key in months
            ]
        text.append(element(f"{family.lower()}Pf", *fields))
        code = first.underlying or product
        links[code] = links.get(code, "") + element(
            "pfLink", f"<exch>{first.exchange}</exch>", f"<pfId>{name}</pfId>", f"<pfCode>{product}</pfCode>", f"<pfType>{family}</pfType>"
        )
    return element("exchange", *text), links


def points_element() -> str:
    """Sixteen scan points, the extremes twice the scan range at 35 %, and seven delta points."""
    text = []
    for n in range(16):
        third, up = ((0, 1, -1, 2, -2, 3, -3)[n // 2], 1 if n % 2 == 0 else -1) if n < 14 else ((6, -6)[n - 14], 0)
        pair = n + 1 + up if n < 14 else n + 1
        text.append(
            element(
                "scanPointDef",
                f"<point>{n + 1}</point>",
                element("priceScanDef", "<mult>1.0</mult>", f"<numerator>{third}</numerator>", "<denominator>3</denominator>"),
                element("volScanDef", "<mult>1.0</mult>", f"<numerator>{up}</numerator>", "<denominator>1</denominator>"),
                f"<weight>{1.0 if n < 14 else 0.35}</weight>",
                f"<pairedPoint>{pair}</pairedPoint>",
            )
        )
    for n, weight in enumerate((0.27, 0.217, 0.217, 0.111, 0.111, 0.037, 0.037), 1):
        text.append(element("deltaPointDef", f"<point>{n}</point>", f"<weight>{weight}</weight>"))
    return element("pointDef", "<r>1</r>", *text)


def markup(items: Iterable[Item], org: str = "NSCCL", date: str = "20260625", declaration: str = '<?xml version="1.0"?>\r\n') -> bytes:
    """An XML file of contracts of one exchange."""
    exchange, links = portfolios(tuple(items))
    spread = element(
        "dSpread",
        "<spread>1</spread>",
        "<chargeMeth>F</chargeMeth>",
        element("rate", "<r>1</r>", "<val>425.000000</val>"),
        element("pLeg", "<cc>NIFTY</cc>", "<pe>20260630</pe>", "<rs>A</rs>", "<i>1.000000</i>"),
        element("pLeg", "<cc>NIFTY</cc>", "<pe>20260707</pe>", "<rs>B</rs>", "<i>1.000000</i>"),
    )
    som = element("somTiers", element("tier", "<tn>0</tn>", element("rate", "<r>1</r>", "<val>0.000000</val>")))
    spot = element("spotRate", "<r>1</r>", "<pe>20260600</pe>", "<sprd>100</sprd>", "<outr>200</outr>")
    tiers = element("intraTiers", element("tier", "<tn>1</tn>", "<sPe>20260600</sPe>", "<ePe>20260700</ePe>"))
    combined = [
        element(
            "ccDef",
            f"<cc>{code}</cc>",
            "<currency>INR</currency>",
            "<riskExponent>0</riskExponent>",
            "<capAnov>0</capAnov>",
            "<wfprMeth>NORMAL</wfprMeth>",
            "<spotMeth>NORMAL</spotMeth>",
            "<somMeth>GROSS</somMeth>",
            element("adjRate", "<r>2</r>", "<baseR>1</baseR>", "<val>1.10000</val>"),
            tiers,
            som,
            spot,
            link,
            spread,
        )
        for code, link in links.items()
    ]
    inter = element(
        "interSpreads",
        element(
            "dSpread",
            "<spread>1</spread>",
            "<chargeMeth>W</chargeMeth>",
            element("rate", "<r>1</r>", "<val>0.80</val>"),
            element("tLeg", "<cc>TF</cc>", "<tn>0</tn>", "<rs>A</rs>", "<i>1.0</i>"),
            element("tLeg", "<cc>RF</cc>", "<tn>0</tn>", "<rs>B</rs>", "<i>1.0</i>"),
        ),
    )
    body = element(
        "clearingOrg",
        f"<ec>{org}</ec>",
        "<isContractScale>1</isContractScale>",
        "<lookAheadYears>0.002739</lookAheadYears>",
        "<capAnov>0</capAnov>",
        element("curConv", "<fromCur>INR</fromCur>", "<toCur>USD</toCur>", "<factor>0.010559</factor>"),
        points_element(),
        *combined,
        inter,
        exchange,
    )
    definitions = element("definitions", "<groupTypeDef><id>1</id></groupTypeDef>")
    text = element(
        "spanFile", "<fileFormat>4.00</fileFormat>", definitions, element("pointInTime", f"<date>{date}</date>", "<isSetl>0</isSetl>", body)
    )
    return (declaration + text).encode("latin-1")


def many(count: int) -> tuple[Item, ...]:
    """A future and this many options on it, in series of 500."""
    future = sugar("", 0.0, 22.64, 0.0, 1.0, SUGAR_FUTURE)
    options = []
    for n in range(count):
        month = f"{2011 + n // 6000}{n // 500 % 12 + 1:02d}"
        options.append(SUGAR[1 + n % 2]._replace(month=month, expiry=f"{month}15", strike=round(1.0 + (n % 500 // 2) * 0.25, 2)))
    return (future, *options)
