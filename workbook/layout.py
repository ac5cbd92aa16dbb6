"""The layout of the workbook: the areas of the sheets and their defined names."""

from __future__ import annotations

from dataclasses import dataclass, field

from xlsxwriter.utility import xl_rowcol_to_cell

from xlmargin.methods import known_methods

SUMMARY, POSITIONS, MARKET, PARAMETERS, ACCOUNT = "Summary", "Positions", "Market", "Parameters", "Account"
RISK, COMPARISON, STATEMENT, CONTRIBUTIONS = "Risk array", "Comparison", "Statement", "Contributions"
WHAT_IF, MOVE_SHEET, LIMITS, VAR, CHECKS = "What-if", "Move", "Limits", "VaR", "Checks"
SOURCE_TABLES, SOURCE_BOOKS = "Source tables", "Source books"  # in the demonstration alone

POSITION_HEADINGS = (
    "Instrument",
    "Underlying",
    "Type",
    "Strike",
    "Expiry",
    "Quantity",
    "Side",
    "IV",
    "Price",
    "Forward",
    "Multiplier",
    "Settlement",
    "Account",
    "Venue",
    "Entry",
    "Order",
)
MARKET_HEADINGS = ("Underlying", "Spot", "Expiry", "Strike", "Forward", "IV", "Rate", "As of")
HISTORY_HEADINGS = ("Date", "BTC", "ETH", "SOL", "", "", "")  # three columns free: another coin, or `BTC IV`
BALANCE_HEADINGS = ("Currency", "Amount", "Haircut", "Account")
THEIRS_HEADINGS = ("Venue", "Account", "Currency", "Initial", "Maintenance", "Time")
READING_HEADINGS = ("Time", "Equity", "Initial margin", "Maintenance margin", "Usage", "Headroom", "Status")
PARAMETER_ROWS, SCENARIO_ROWS = 40, 60
MARKET_LEAST, MARKET_BESIDE = 300, 50  # rows of the market: at least, and in addition to one for each position
TRADE_ROWS, BALANCE_ROWS, LIMIT_ROWS, THEIRS_ROWS, READINGS = 15, 20, 12, 20, 500
QUALIFYING, RULE_ROWS, CAUSES = 5, 10, 5  # fields other than the equity, rules of a rulebook at most, causes of a move
TOP_ROWS = 10  # rows that the picture of contributions draws
COINS_MOST = 40  # room for coins of the book and of the balances in tables with a row for each
MOVE_CHECK = 14  # its row among the checks
OTHER_METHODS = 3  # of the sheet What-if, other than the chosen one
NET_COINS = 5  # rows of the table of net delta and vega on the sheet Summary
UNDERLYINGS = 8  # columns of the risk array; of more coins it shows the first ones and the total
HISTORY_ROWS, BINS, WORST_DAYS = 1_500, 25, 5
LEVELS, STEPS = 5, 9  # levels of the statement that a picture may use, and number of lines that it draws
METHOD_ROOM = 12  # methods that may be dropped in after the workbook was built
WORST_BARS = 16  # scenarios that a picture draws
NOTES_PER_ROW, FAULTS = 2, 100  # notes of PM_CHECK on a correct row (on its vol, and on its order); room for faults
STATEMENT_LEAST, STATEMENT_PER_ROW, STATEMENT_MOST = 400, 4, 4_000  # lines; deeper levels that do not fit are left out
PICTURE_ROWS = 24  # rows that a picture above a table takes
HEAD = 5  # rows of title, description and checks above a sheet's content; cells count from 0
METHODS_ROW = HEAD + 45  # of the sheet Checks, below its checks
ABOUT_LINES = 75  # rows kept for what the workbook is, between the methods and the findings


@dataclass(frozen=True, slots=True)
class Area:
    """A block of cells; rows and columns count from 0."""

    sheet: str
    row: int
    column: int
    rows: int
    columns: int

    def cell(self, row: int, column: int) -> str:
        """One cell of the block on its own sheet, such as `$C$7`."""
        return str(xl_rowcol_to_cell(self.row + row, self.column + column, row_abs=True, col_abs=True))

    def bare(self, row: int, column: int) -> str:
        """One cell of the block on its own sheet as a relative reference, such as `C7`."""
        return self.cell(row, column).replace("$", "")

    def far(self, row: int, column: int) -> str:
        """One cell of the block, from another sheet."""
        return f"'{self.sheet}'!{self.cell(row, column)}"

    def loose(self, row: int, column: int) -> str:
        """One cell of the block, from another sheet, as a relative reference."""
        return f"'{self.sheet}'!{self.bare(row, column)}"

    @property
    def near(self) -> str:
        """The block on its own sheet."""
        return f"{self.cell(0, 0)}:{self.cell(self.rows - 1, self.columns - 1)}"

    @property
    def ref(self) -> str:
        """The block as a reference from any sheet."""
        return f"'{self.sheet}'!{self.near}"

    def part(self, row: int = 0, column: int = 0, rows: int = 0, columns: int = 0) -> Area:
        """A block inside this one; 0 rows or columns mean all that remain."""
        return Area(self.sheet, self.row + row, self.column + column, rows or self.rows - row, columns or self.columns - column)

    @property
    def body(self) -> Area:
        """The block below its header row."""
        return self.part(row=1)

    def body_column(self, column: int) -> Area:
        """One column below the header row."""
        return self.part(row=1, column=column, columns=1)


@dataclass(frozen=True, slots=True)
class Layout:
    """The areas of a workbook, sized by its rows of positions and the installed methods.

    Attributes:
        position_rows: rows kept free for positions
        known: installed methods; more may be added later
    """

    position_rows: int
    known: int = field(default_factory=lambda: len(known_methods()))
    positions: Area = field(init=False)
    market: Area = field(init=False)
    comparison: Area = field(init=False)
    check_table: Area = field(init=False)
    methods: Area = field(init=False)
    about: Area = field(init=False)
    theirs: Area = field(init=False)
    ours: Area = field(init=False)
    method_bars: Area = field(init=False)
    ranked_bars: Area = field(init=False)
    blocks: Area = field(init=False)
    liquidation: Area = field(init=False)
    accounts: Area = field(init=False)
    facts: Area = field(init=False)
    qualify: Area = field(init=False)
    statement: Area = field(init=False)
    contributions: Area = field(init=False)
    roles: Area = field(init=False)
    sizes: Area = field(init=False)
    greeks: Area = field(init=False)
    positions_before: Area = field(init=False)
    market_before: Area = field(init=False)
    settings: Area = Area(PARAMETERS, HEAD + 1, 2, 8, 1)
    switched: Area = Area(PARAMETERS, HEAD + 9, 2, 2, 1)
    parameter_input: Area = Area(PARAMETERS, HEAD + 15, 1, PARAMETER_ROWS + 1, 4)
    parameters: Area = Area(PARAMETERS, HEAD + 15, 1, PARAMETER_ROWS + 1, 12)  # with the scenarios of the desk on its right
    own_scenarios: Area = Area(PARAMETERS, HEAD + 15, 7, PARAMETER_ROWS + 1, 6)
    price_moves: Area = Area(PARAMETERS, HEAD + 16, 14, 21, 1)
    vol_moves: Area = Area(PARAMETERS, HEAD + 16, 15, 5, 1)
    grid_days: Area = Area(PARAMETERS, HEAD + 16, 16, 1, 1)
    headlines: Area = Area(SUMMARY, HEAD, 1, 17, 8)
    net: Area = Area(SUMMARY, HEAD + 19, 1, NET_COINS + 1, 3)
    dearest: Area = Area(SUMMARY, HEAD + 19, 5, 4, 4)
    risk: Area = Area(RISK, 31, 2, SCENARIO_ROWS + 1, 5 + UNDERLYINGS + 1)
    grid: Area = Area(RISK, HEAD + 1, 18, 22, 6)
    checks: Area = Area(CHECKS, HEAD, 1, 39, 5)
    scenario_bars: Area = Area(RISK, HEAD + 1, 30, SCENARIO_ROWS + 1, 4)
    worst_bars: Area = Area(RISK, HEAD + 1, 25, WORST_BARS + 1, 4)
    profile: Area = Area(RISK, HEAD + 1, 35, 22, 6)
    levels: Area = Area(STATEMENT, HEAD, 8, LEVELS + 3, 4)
    steps: Area = Area(STATEMENT, HEAD + LEVELS + 4, 8, STEPS + 1, 2)
    waterfall: Area = Area(STATEMENT, HEAD + LEVELS + 4, 11, STEPS + 3, 7)
    var_parameters: Area = Area(VAR, HEAD, 1, 3, 2)
    var_method: Area = Area(VAR, HEAD + 3, 2, 1, 1)
    tail: Area = Area(VAR, HEAD + 6, 1, 8, 3)
    history: Area = Area(VAR, HEAD + 1, 22, HISTORY_ROWS + 1, len(HISTORY_HEADINGS))
    past: Area = Area(VAR, HEAD + 23, 2, HISTORY_ROWS + 1, 5 + len(HISTORY_HEADINGS))  # its coins, and their total
    past_total: Area = Area(VAR, HEAD + 23, 14, HISTORY_ROWS + 1, 1)
    worst_days: Area = Area(VAR, HEAD + 15, 1, WORST_DAYS + 1, 3)
    bins: Area = Area(VAR, HEAD, 16, BINS + 1, 5)

    feed: Area = Area(MARKET, HEAD - 2, 4, 1, 3)  # its time, and its status two columns on
    what_if: Area = Area(WHAT_IF, HEAD + 1, 2, OTHER_METHODS + 2, 8)
    trades: Area = Area(WHAT_IF, HEAD + 24, 2, TRADE_ROWS + 1, len(POSITION_HEADINGS))
    balances: Area = Area(ACCOUNT, HEAD + 2, 1, BALANCE_ROWS + 1, len(BALANCE_HEADINGS))
    limits: Area = Area(ACCOUNT, HEAD + 2, 6, LIMIT_ROWS + 1, 3)
    account_settings: Area = Area(ACCOUNT, HEAD + 19, 7, 3, 1)
    account_facts: Area = Area(ACCOUNT, HEAD + 27, 2, QUALIFYING, 1)
    status: Area = Area(LIMITS, HEAD + 2, 1, 9, 2)
    limit_table: Area = Area(LIMITS, HEAD + 18, 1, LIMIT_ROWS + 1, 7)
    reading: Area = Area(LIMITS, HEAD + 1, 10, 2, len(READING_HEADINGS))
    monitor: Area = Area(LIMITS, HEAD + 26, 10, READINGS + 1, len(READING_HEADINGS))
    move: Area = Area(MOVE_SHEET, HEAD + 1, 1, CAUSES + 2, 2)
    move_ends: Area = Area(MOVE_SHEET, HEAD + 10, 1, 4, 2)
    top_bars: Area = Area(CONTRIBUTIONS, HEAD, 23, TOP_ROWS + 1, 5)
    limit_bars: Area = Area(LIMITS, HEAD + 1, 18, LIMIT_ROWS + 1, 4)
    move_bars: Area = Area(MOVE_SHEET, HEAD + 36, 1, CAUSES + 3, 6)
    reading_frame: Area = Area(LIMITS, HEAD + 1, 23, 4, 4)

    def __post_init__(self) -> None:
        for name, area in (self._of_rows() | self._of_coins() | self._of_methods()).items():
            object.__setattr__(self, name, area)  # frozen, but these depend on the book and the methods

    def _of_rows(self) -> dict[str, Area]:
        """Areas as long as the largest book."""
        rows = self.position_rows
        lines = min(STATEMENT_LEAST + STATEMENT_PER_ROW * rows, STATEMENT_MOST)
        quotes = max(MARKET_LEAST, rows + MARKET_BESIDE)
        return {
            "positions": Area(POSITIONS, HEAD + 1, 2, rows + 1, len(POSITION_HEADINGS)),
            "market": Area(MARKET, HEAD + 1, 2, quotes + 1, len(MARKET_HEADINGS)),
            "check_table": Area(CHECKS, self._methods_end + ABOUT_LINES + 3, 1, NOTES_PER_ROW * rows + FAULTS + 2, 4),
            "statement": Area(STATEMENT, HEAD + PICTURE_ROWS, 1, lines + 1, 6),
            "contributions": Area(CONTRIBUTIONS, HEAD + 25, 1, rows + 2, 6),
            "roles": Area(CONTRIBUTIONS, HEAD + 25, 7, rows + 2, 2),
            "sizes": Area(CONTRIBUTIONS, HEAD + 25, 21, rows + 2, 1),
            "positions_before": Area(MOVE_SHEET, HEAD + 1, 10, rows + 1, len(POSITION_HEADINGS)),
            "market_before": Area(MOVE_SHEET, HEAD + 1, 27, quotes + 1, len(MARKET_HEADINGS)),
        }

    def _of_coins(self) -> dict[str, Area]:
        """Areas with a row for each coin, and those below them; the last has a row for each account of the book and the balances."""
        coins = min(self.position_rows + BALANCE_ROWS, COINS_MOST)
        liquidation = Area(LIMITS, HEAD + 34, 1, coins + 2, 5)
        facts = Area(LIMITS, liquidation.row + liquidation.rows + 3, 1, QUALIFYING + 2, 2)
        qualify = Area(LIMITS, facts.row + facts.rows + 3, 1, RULE_ROWS + 2, 4)
        accounts = self.position_rows + BALANCE_ROWS
        return {
            "greeks": Area(CONTRIBUTIONS, HEAD + 25, 10, self.position_rows + coins + 2, 10),
            "blocks": Area(WHAT_IF, HEAD + 29 + TRADE_ROWS, 2, coins + 5, 4),  # the first of one for each method
            "liquidation": liquidation,
            "facts": facts,
            "qualify": qualify,
            "accounts": Area(LIMITS, qualify.row + qualify.rows + 4, 1, accounts + 3, 8),
        }

    def _of_methods(self) -> dict[str, Area]:
        """Areas with a row for each method, including those added later."""
        rows = self._method_rows
        theirs = Area(COMPARISON, HEAD + 29 + rows + 5, 1, THEIRS_ROWS + 1, len(THEIRS_HEADINGS))
        return {
            "methods": Area(CHECKS, METHODS_ROW, 1, rows, 8),
            "about": Area(CHECKS, self._methods_end, 1, ABOUT_LINES, 3),
            "comparison": Area(COMPARISON, HEAD + 29, 1, rows, 8),
            "method_bars": Area(COMPARISON, HEAD, 11, rows, 4),
            "ranked_bars": Area(COMPARISON, HEAD, 16, self.known + 1, 5),
            "theirs": theirs,
            "ours": Area(COMPARISON, theirs.row + theirs.rows + 4, 1, THEIRS_ROWS + 1, 7),
        }

    @property
    def _method_rows(self) -> int:
        """Rows of a table of methods: its header, the installed ones, those added later, and one that stays free."""
        return self.known + METHOD_ROOM + 2

    @property
    def _methods_end(self) -> int:
        """The row of the sheet Checks below the methods and a blank row."""
        return METHODS_ROW + self._method_rows + 2

    def block(self, method: int) -> Area:
        """The what-if of one of the methods, 0 the chosen one; the four are side by side."""
        first = self.blocks
        return Area(first.sheet, first.row, first.column + method * first.columns, first.rows, first.columns)

    @property
    def valuation_time(self) -> str:
        """The time of the market as a formula, `now` where it names none."""
        stamp = self.market.body_column(MARKET_HEADINGS.index("As of")).ref
        return f'=IF(COUNT({stamp})=0,"now",MAX({stamp}))'

    def position(self, heading: str) -> Area:
        """The cells of one heading of the positions."""
        return self.positions.body_column(POSITION_HEADINGS.index(heading))

    @property
    def names(self) -> dict[str, str]:
        """Every defined name and its reference."""
        check = self.check_table
        return {
            "positions": self.positions.ref,
            "market": self.market.ref,
            "parameters": self.parameters.ref,
            "method": self.settings.far(0, 0),
            "compare_methods": self.settings.far(1, 0),
            "tolerance": self.settings.far(2, 0),
            "contributions_wanted": self.settings.far(3, 0),
            "liquidation_wanted": self.settings.far(4, 0),
            "most_rows_at_once": self.settings.far(5, 0),
            "share_rounding": self.settings.far(6, 0),
            "slow_method": self.settings.far(7, 0),
            "contribution_method": self.switched.far(0, 0),
            "liquidation_method": self.switched.far(1, 0),
            "grid_price_moves": self.price_moves.ref,
            "grid_vol_moves": self.vol_moves.ref,
            "grid_days": self.grid_days.far(0, 0),
            "initial_margin": self.headlines.far(1, 1),
            "maintenance_margin": self.headlines.far(2, 1),
            "scanning_risk": self.headlines.far(3, 1),
            "risk_array": self.risk.ref,
            "master_check": f"'{CHECKS}'!$C$4",
            "check_rows": check.body_column(0).ref,
            "check_problems": check.body_column(2).ref,
            "history": self.history.ref,
            "var_parameters": self.var_parameters.ref,
            "var_confidence": self.var_parameters.far(1, 1),
            "var_horizon": self.var_parameters.far(2, 1),
            "var_method": self.var_method.far(0, 0),
            "value_at_risk": self.tail.far(1, 1),
            "expected_shortfall": self.tail.far(2, 1),
            "method_names": self.methods.body_column(0).ref,
        } | self._desk_names

    @property
    def _desk_names(self) -> dict[str, str]:
        """The defined names of the sheets of the desk."""
        return {
            "feed_time": self.feed.far(0, 0),
            "feed_status": self.feed.far(0, 2),
            "trades": self.trades.ref,
            **{f"whatif_method_{n}": self.what_if.far(n + 1, 0) for n in range(1, OTHER_METHODS + 1)},
            "balances": self.balances.ref,
            "limits": self.limits.ref,
            "limits_warn_from": self.account_settings.far(0, 0),
            "rulebook": self.account_settings.far(1, 0),
            "account_facts": self.account_facts.ref,
            "reconcile_tolerance": self.account_settings.far(2, 0),
            "qualification": self.facts.ref,
            "equity": self.status.far(1, 1),
            "account_status": self.status.far(7, 1),
            "monitor": self.monitor.ref,
            "theirs": self.theirs.ref,
            "positions_before": self.positions_before.ref,
            "market_before": self.market_before.ref,
        }
