"""Headings that are not understood: those that could change the number are refused, the others are named and left out."""

from __future__ import annotations

import re
from functools import lru_cache

from xlmargin.sheet.cells import Trouble
from xlmargin.sheet.headings import heading_key, plain_characters

CLOSE = 0.82  # likeness from which a heading counts as a known one that is misspelt
SHORTEST = 4  # characters of a heading that can be misspelt: shorter ones are too much alike

# What a heading speaks of by its words, and the headings that say it; the first that fits is told.
SUBJECTS = (
    ("a side", "side direction sign buy sell long short bs", ("Side",)),
    (
        "a size of contract",
        "multiplier lot lots unit units contract contracts ctval ctmult facevalue contractsize lotsize",
        ("Multiplier",),
    ),
    ("a currency", "currency ccy", ("Currency",)),
    ("a size", "quantity qty size amount", ("Quantity", "USD size")),
    ("a vol", "vol vola iv volatility sigma", ("IV",)),
    ("a price", "price px mark premium spot forward fwd strike", ("Price", "Coin price", "Entry", "Spot", "Forward", "Strike")),
)
STEMS = ("direction", "multiplier", "currency", "quantity", "volatility", "contractsize", "lotsize", "price")  # found inside words, too

# Well-known columns of exports whose words speak of a price, a size or a side, but which say nothing that a margin rests on.
HARMLESS = re.compile(
    r"(best)?(bid|ask|offer|last|prev|previous|prior|close|closing|high|low|day|24h)*(bid|ask|offer|last|close|closing|high|low|settlement|settle)"
    r"(trade|traded)?(price|px|size|qty|quantity|amount|iv|vol)?(24h|usd)?"
    r"|.*(p&l|pnl|gain|loss|profit|return|commission|margin).*|.*(change|chg|chng|date|time|id)"
    r"|.*(liquidation|liq|bankruptcy|breakeven|stop|target|takeprofit|trigger|limit)(price|px|date)?"
    r"|(iv|vol|impliedvol|impliedvolatility)(x|rank|percentile|rk|pctl|index|idx)|(historical|hist|realized|realised)(vol|volatility)"
    r"|costbasis.*|(average|avg)(price|px)usd|(fee|commission|margin|collateral)(currency|ccy|asset)"
    r"|(avg|average|day|daily)?volume.*|vol24h|24hvol.*|openinterest.*|(long|short)(name|term|description).*|price(type|scale|tick)"
    r"|(delta|gamma|theta|vega)(bs|pa|total)|position(im|mm|idx|mode|value|balance|status).*"
    r"|.*tick.*|(min|max)(order|trade)?(size|qty|quantity|amount|price)|strategy.*|spread.*|.*(strikes?)?(width|distance|moneyness)"
)
# Headings that desks use for two things, of which one would change the number: each with what it may be, and the cure.
TWOFOLD = {
    "underlyingprice": ("the spot or the forward", "Spot or Forward"),
    "undprice": ("the spot or the forward", "Spot or Forward"),
    "premium": ("the mark per unit, the price paid or an amount", "Price or Entry"),
    "index": ("the index price or a number of the row", "Spot"),
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(maxsize=1024)
def refusal(text: str, known: tuple[str, ...]) -> Trouble | None:
    """Why a range with a heading that is not understood cannot be read, and the cure; None where its column may be left out.

    Args:
        text: the heading as it stands in the range
        known: the headings that are understood, other names among them
    """
    from difflib import get_close_matches  # an unknown heading that could matter is rare, and every start would pay for it

    key = heading_key(text)
    if key in TWOFOLD:
        what, mend = TWOFOLD[key]
        return f"the heading {text} may mean {what}", f"rename it to {mend}, or remove the column"
    if HARMLESS.fullmatch(key.replace("$", "")):
        return None
    keys = {heading_key(name): name for name in known if len(heading_key(name)) >= SHORTEST}
    near = [each for each in keys if sorted(each) == sorted(key)] or get_close_matches(key, keys, 1, CLOSE) if len(key) >= SHORTEST else []
    if near:
        return f"the heading {text} is not known; it is nearly {keys[near[0]]}", f"write {keys[near[0]]}, or remove the column"
    words = {word.lower() for word in _WORDS.findall(plain_characters(text))} | {key}
    for subject, names, mends in SUBJECTS:
        if not words.isdisjoint(names.split()) or any(stem in key for stem in STEMS if stem in names.split()):
            problem = f"the heading {text} is not known and speaks of {subject}, which would change the number"
            *others, last = [name for name in mends if name in known] or ["what it means"]
            return problem, f"rename it to {', '.join(others)}{' or ' * bool(others)}{last}, or remove the column"
    return None
