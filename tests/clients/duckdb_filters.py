#!/usr/bin/env python3
"""Answers conditions in SQL over a lake with DuckDB, to be compared with kho's answers in CQL2.

    duckdb_filters.py CATALOG DATA_PATH < QUESTIONS

CATALOG and DATA_PATH are those of duckdb_read.py. QUESTIONS is a JSON list of [layer, condition]; the
answer a JSON list of lists: for each, the sorted kho_id of the features of the newest snapshot of
which it is true. Needs what duckdb_read.py needs.
"""

import json
import sys

from duckdb_read import connect


def main():
    con = connect(sys.argv[1], sys.argv[2])
    # As CQL2 has it in kho: marks off, and Đ, which is a letter and not a D with a mark, too.
    con.execute("CREATE MACRO unaccent(t) AS replace(replace(strip_accents(t), 'Đ', 'D'), 'đ', 'd')")
    answer = []
    for layer, condition in json.load(sys.stdin):
        rows = con.execute(f'SELECT kho_id FROM lake.main."{layer}" WHERE {condition} ORDER BY kho_id').fetchall()
        answer.append([row[0] for row in rows])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
