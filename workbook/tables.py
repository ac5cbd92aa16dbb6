"""The formulas that lay the table of a call over an area: its size never changes, so nothing spills.

Texts are joined with nothing: LibreOffice finds a text that a function returned in a table only after that.
"""

from __future__ import annotations

from .layout import Area, Layout

MORE_COINS = " more coins"
MILDER = " scenarios with less bad totals are left out here"
COUNTED = "$A$1:$A$50000"  # blank cells whose rows count those of a table: longer ones than any
FIRST = "Level"  # the heading of the levels of a statement
SHOWN = 'IF(ISTEXT(_xlpm.t),_xlpm.t&"",_xlpm.t)'


def is_number(cells: str) -> str:
    """The condition that a cell holds a number, for an array formula: in the embedded engine ISNUMBER does not go through arrays."""
    return f'IFERROR({cells}<"",FALSE)'


def placed(told: str, at: Layout) -> str:
    """A message with the row of the sheet that it begins with: a function counts rows from the header of its range."""
    word = 'LEN("row ")'
    number = f'VALUE(MID({told},FIND("row ",{told})+{word},FIND(":",{told})-FIND("row ",{told})-{word}))'
    rows = {
        begin: f'" (sheet {area.sheet} row "&{number}+ROW({area.far(0, 0)})-1&")"'
        for begin, area in (("row ", at.positions), ("market row ", at.market))
    }
    own, market = (f'IF(IFERROR(FIND("#PM! {begin}",{told}),0)=1,{words},' for begin, words in rows.items())
    return f'{told}&IFERROR({own}{market}"")),"")'


def as_table(area: Area, call: str) -> str:
    """The table unchanged; the rest of the area stays blank.

    Of a table that is longer than the area the first rows are kept: it would run into what stands below, and show nothing.
    """
    room, rows = f"ROWS({area.part(columns=1).near})", "IFERROR(ROWS(_xlpm.w),1)"
    counted = f"_xlfn._xlws.FILTER(ROW({COUNTED}),ROW({COUNTED})<={rows})"
    cut = f"IF({rows}>{room},_xlfn._xlws.FILTER(_xlpm.w,{counted}<={room}),_xlpm.w)"
    return f'=_xlfn.LET(_xlpm.w,{call},_xlpm.t,{cut},IF({_inside(area)},{SHOWN},""))'


def by_levels(area: Area, call: str) -> str:
    """A statement; one that is too long keeps the levels that fit whole, and a line below them names the rest."""
    lines = f"COLUMN({_across(area)})=COLUMN({area.cell(0, 1)})"
    word = '" lines of deeper levels are left out here: xlmargin explain shows all of them"'
    return _least(area, call, "1", FIRST, SHOWN, lines, word)


def by_coins(area: Area, call: str) -> str:
    """A table with a column for each coin and their total last, of which each cut is told.

    Of too many coins it keeps the first ones, a word, and the total; of too many scenarios those with the worst totals, and a
    line below them counts the rest.
    """
    down, across, first = area.part(columns=1).near, _across(area), area.cell(0, 0)
    place, width = f"(COLUMN({across})-COLUMN({first}))", f"COLUMNS({across})"
    columns = "IFERROR(COLUMNS(_xlpm.t),1)"
    word = f'IF(ROW({down})=ROW({first}),{columns}-{width}+1&"{MORE_COINS}","")'
    cut = f"INDEX(_xlpm.t,0,{columns})"
    last = f'IF({place}={width}-1,IF(ISTEXT({cut}),{cut}&"",{cut}),IF({place}={width}-2,{word},{SHOWN}))'
    shown = f"IF({columns}>{width},{last},{SHOWN})"
    return _least(area, call, "IFERROR(COLUMNS(_xlpm.w),1)", "Total", shown, f"{place}=1", f'"{MILDER}"')


def _least(area: Area, call: str, key: str, heading: str, shown: str, told: str, word: str) -> str:
    """A table; one that is too long keeps its heading and the rows with the least keys, and counts the others in a line below them.

    Args:
        key: number of the column of the keys
        heading: that of this column
        shown: a cell of the kept table
        told: the condition that a cell stands in the column of that line
        word: what follows the count
    """
    down, first = area.part(columns=1).near, area.cell(0, 0)
    room = f"ROWS({down})-2"  # for rows, without the headings, the line below and the last row, which stays free
    fits = f"IFERROR(ROWS(_xlpm.w),1)<ROWS({down})"
    kept = f'_xlfn._xlws.FILTER(_xlpm.w,(_xlpm.l&""="{heading}")+(_xlpm.l<SMALL(_xlpm.l,{room})))'
    below = f"(ROW({down})-ROW({first})=IFERROR(ROWS(_xlpm.t),1))*({told})"
    return (
        f"=_xlfn.LET(_xlpm.w,{call},_xlpm.l,INDEX(_xlpm.w,0,{key}),_xlpm.t,IF({fits},_xlpm.w,{kept}),"
        f'IF({_inside(area)},{shown},IF({fits},"",IF({below},ROWS(_xlpm.w)-ROWS(_xlpm.t)&{word},""))))'
    )


def hides_coins(area: Area) -> str:
    """The condition that the table of `by_coins` in an area does not show every coin."""
    return f'ISNUMBER(FIND("{MORE_COINS}",{area.far(0, area.columns - 2)}))'


def hides_scenarios(area: Area) -> str:
    """The condition that the table of `by_coins` in an area does not show every scenario."""
    return f'COUNTIF({area.body_column(1).ref},"*{MILDER}")>0'


def _inside(area: Area) -> str:
    """The condition that a cell of the area lies within the table `t`."""
    down, first = area.part(columns=1).near, area.cell(0, 0)
    return f"(ROW({down})-ROW({first})<IFERROR(ROWS(_xlpm.t),1))*(COLUMN({_across(area)})-COLUMN({first})<IFERROR(COLUMNS(_xlpm.t),1))"


def _across(area: Area) -> str:
    """The cells whose columns are counted."""
    return area.part(rows=1).near
