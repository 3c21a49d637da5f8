"""One SELECT, its parameters, and nothing that two databases could read differently."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.errors import DefinitionFaultError
from adapters.sql_mariadb import MariaDialect
from adapters.sql_postgresql import PostgresDialect
from adapters.sql_sqlite import SqliteDialect
from adapters.sql_statement import MAX_LENGTH, Statement, Syntax, read_statement

POSTGRES, MARIADB, SQLITE = PostgresDialect.syntax, MariaDialect.syntax, SqliteDialect.syntax
ALL = [POSTGRES, MARIADB, SQLITE]
EVERYWHERE = {
    "two statements": ("SELECT 1; SELECT 2", "several_statements"),
    "a statement after a comment": ("SELECT 1; -- ok\nDROP TABLE t", "several_statements"),
    "two ends": ("SELECT 1;;", "several_statements"),
    "nothing": ("", "not_select"),
    "a comment only": ("-- SELECT 1", "not_select"),
    "an update": ("UPDATE t SET a = 1", "not_select"),
    "explain": ("EXPLAIN SELECT 1", "not_select"),
    "brackets first": ("(SELECT 1)", "not_select"),
    "a quoted select": ('"SELECT" 1', "not_select"),
    "a long s": ("ſelect 1", "not_select"),
    "a data-modifying WITH": ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "writes"),
    "insert after WITH": ("WITH d AS (SELECT 1) INSERT INTO t SELECT * FROM d", "writes"),
    "into a table": ("SELECT * INTO other FROM t", "writes"),
    "into a file": ("SELECT 'x' INTO OUTFILE '/tmp/x'", "writes"),
    "into with a comment": ("SELECT * /* x */ InTo/**/other FROM t", "writes"),
    "a function in WITH": ("WITH FUNCTION f RETURN NUMBER IS BEGIN NULL; END; SELECT f FROM t", "several_statements"),
    "for update": ("SELECT * FROM t FOR UPDATE", "locking"),
    "for share": ("SELECT * FROM t FOR /* x */ SHARE", "locking"),
    "for no key update": ("SELECT * FROM t FOR NO KEY UPDATE", "locking"),
    "lock in share mode": ("SELECT * FROM t LOCK IN SHARE MODE", "locking"),
    "a setting": ("SELECT set_config('transaction_read_only', 'off', false)", "function"),
    "a quoted function": ("SELECT \"set_config\"('a', 'b', false)", "function"),
    "another server": ("SELECT * FROM dblink('host=x', 'DELETE FROM t')", "function"),
    "a file": ("SELECT LOAD_FILE('/etc/passwd')", "function"),
    "a server's file": ("SELECT pg_read_file('x')", "function"),
    "an open string": ("SELECT 'x", "quote"),
    "an open string after two quotes": ("SELECT 'x''", "quote"),
    "an open comment": ("SELECT 1 /* x", "comment"),
    "a nested comment": ("SELECT 1 /* /* */ DROP TABLE t */", "comment"),
    "a versioned comment": ("SELECT 1 /*!50000 INTO OUTFILE 'x' */", "comment"),
    "a versioned comment of MariaDB": ("SELECT 1 /*M!100100 INTO OUTFILE 'x' */", "comment"),
    "a hint": ("SELECT /*+ MAX_EXECUTION_TIME(0) */ 1", "comment"),
    "dashes that are no comment to MySQL": ("SELECT 5--1", "comment"),
    "an escaped quote": ("SELECT 'a\\' OR 1=1 --'", "backslash"),
    "an escape string": ("SELECT E'x'", "quote"),
    "a name in escapes": ("SELECT U&\"pg!005fread!005ffile\" UESCAPE '!' ('/etc/hostname')", "quote"),
    "a text in escapes": ("SELECT u&'d!0061t' UESCAPE '!'", "quote"),
    "a prefix after a number": ("SELECT 1E'x'", "quote"),
    "a name in escapes after a number": ('SELECT 1U&"x"', "quote"),
    "wide letters": ("SELECT ｄｂｌｉｎｋ('host=x', 'DELETE FROM t')", "function"),
    "a message to others": ("SELECT pg_notify('a', 'b')", "function"),
    "a query as text": ("SELECT * FROM ts_stat('SELECT pg_read_file(1)')", "function"),
    "Oracle's own quotes": ("SELECT q'[x']' FROM t", "quote"),
    "a positional mark": ("SELECT :1", "placeholder"),
    "an assignment": ("SELECT @a := 1", "placeholder"),
    "a lone colon": ("SELECT : x", "placeholder"),
    "a nul": ("SELECT 'a\0'", "character"),
    "a nul outside": ("SELECT \0 1", "character"),
    "a blank of another script": ("SELECT\u00a01", "character"),
    "a hidden blank": ("SELECT 1 \u3000DELETE FROM t", "character"),
    "too long": (f"SELECT '{'x' * MAX_LENGTH}'", "too_long"),
}


def rule(text: str, syntax: Syntax) -> str:
    with pytest.raises(DefinitionFaultError) as caught:
        read_statement(text, syntax)
    assert caught.value.pointer == "/statement"
    return caught.value.rule


def rendered(text: str, syntax: Syntax = POSTGRES) -> str:
    return read_statement(text, syntax).render(lambda name: f"<{name}>")


@pytest.mark.parametrize("what", EVERYWHERE)
@pytest.mark.parametrize("syntax", ALL, ids=["postgresql", "mariadb", "sqlite"])
def test_a_statement_that_is_not_one_plain_question_is_refused(what: str, syntax: Syntax) -> None:
    text, wanted = EVERYWHERE[what]
    assert rule(text, syntax) == wanted


@pytest.mark.parametrize(
    ("text", "syntax", "wanted"),
    [
        ("SELECT ?", MARIADB, "placeholder"),
        ("SELECT @x", MARIADB, "placeholder"),
        ("SELECT 1 # DROP", MARIADB, "placeholder"),
        ("SELECT $1", POSTGRES, "placeholder"),
        ("SELECT $a$ ; $b$", POSTGRES, "quote"),
        ("SELECT $$x", POSTGRES, "quote"),
        ("SELECT $$a\\$$", POSTGRES, "backslash"),
        ("SELECT `a`", POSTGRES, "placeholder"),
        ("SELECT [a]]; DROP]", SQLITE, "quote"),
        ("SELECT ?1", SQLITE, "placeholder"),
        ("SELECT $x", SQLITE, "placeholder"),
    ],
)
def test_what_only_one_database_reads_so_is_refused_there(text: str, syntax: Syntax, wanted: str) -> None:
    assert rule(text, syntax) == wanted


@pytest.mark.parametrize("syntax", ALL, ids=["postgresql", "mariadb", "sqlite"])
def test_parameters_are_cut_out_and_quotes_and_comments_are_not_looked_into(syntax: Syntax) -> None:
    text = """SELECT a.名称, ':no' AS "x:y", 'it''s :no' -- :no ; DROP
        FROM t a /* :no */ WHERE a.uscc = :uscc AND (a.n=:n OR a.m = :uscc) ;  -- end
    """
    found = read_statement(text, syntax)
    assert found.names == ("uscc", "n", "uscc")
    assert "DROP" not in found.render(lambda _: "?")
    assert "':no'" in found.render(lambda _: "?")


def test_a_cast_is_no_parameter_and_dollar_quotes_hide_their_text() -> None:
    assert rendered("SELECT :a::date, $$ ;:x $$, $t$ ' $t$, b->>'k', b @> :j, c ? 'k'") == (
        "SELECT <a>::date, $$ ;:x $$, $t$ ' $t$, b->>'k', b @> <j>, c ? 'k'"
    )


@pytest.mark.parametrize(
    "text",
    [
        "WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r",
        "SELECT replace(name, ' ', ''), update_time, into_date, substring(x FROM 1 FOR 3) FROM t",
        "select location, local_id, insert_date, `lo`.x from t `lo`",
        "SELECT count(*) FROM t WHERE a <> 1 AND b % 2 = 0 AND c || d = 'x' GROUP BY e HAVING sum(f) > 1.5e3",
        "SELECT 1 -- 中文 注释",
    ],
)
def test_plain_questions_are_taken_as_they_are(text: str) -> None:
    assert isinstance(read_statement(text, MARIADB), Statement)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="SELECT '\"`[]$;:-/*#ax\\\n@?", max_size=60))
def test_nothing_after_the_end_of_a_statement_is_let_through(tail: str) -> None:
    for syntax in ALL:
        try:
            found = read_statement(f"SELECT 1 {tail}", syntax)
        except DefinitionFaultError:
            continue
        text = found.render(lambda _: "?")
        quotes = (
            {"'": "'", '"': '"'} | ({"`": "`"} if syntax.backticks else {}) | ({"[": "]"} if syntax.brackets else {})
        )
        end = ""
        for place, char in enumerate(text):
            # Independent of the reader: outside quotes there is no end of a statement and no comment.
            if not end:
                assert char != ";" or syntax.dollar_quotes
                assert text[place : place + 2] not in {"--", "/*"} or syntax.dollar_quotes
                end = quotes.get(char, "")
            elif char == end:
                end = ""
