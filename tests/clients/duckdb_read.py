#!/usr/bin/env python3
"""Reads every snapshot of a lake back with DuckDB, which knows nothing of kho.

    duckdb_read.py CATALOG DATA_PATH [GEOMETRIES]

CATALOG is CITY/lake/catalog.sqlite or a libpq connection string; DATA_PATH is CITY/lake/data.
Prints JSON: {snapshot: {"schema.table": {"count": rows, "ids": distinct kho_id, "columns": [...],
and for a table with geometry "geometries", "valid", "types", "bounds", "area_m2",
"in_window": features whose box meets the middle of the bounds}}}.
With GEOMETRIES, a folder, writes every geometry of every snapshot there, to
SNAPSHOT/TABLE.csv: kho_id and the WKB in hexadecimal, in the order of kho_id.
Exits 1 if DuckDB cannot read something, or loses features when it prunes files by a window.

Needs duckdb and duckdb-extensions with the extensions spatial, ducklake, sqlite-scanner and
postgres-scanner, all 1.5.5, from PyPI; no network while it runs.
"""

import json
import pathlib
import sys

import duckdb
import duckdb_extensions


def connect(catalog, data_path):
    """A connection with the lake attached as `lake`, read-only."""
    postgres = "=" in catalog or catalog.startswith("postgres")
    scanner = "postgres" if postgres else "sqlite"
    con = duckdb.connect()
    for extension in (f"{scanner}_scanner", "spatial", "ducklake"):
        duckdb_extensions.import_extension(extension)
        con.execute(f"LOAD {extension}")
    con.execute(
        f"ATTACH 'ducklake:{scanner}:{quote(catalog)}' AS lake "
        f"(DATA_PATH '{quote(data_path)}', READ_ONLY)"
    )
    return con


def quote(text):
    return text.replace("'", "''")


def tables(con, version):
    """(schema, table, columns) of a snapshot."""
    con.execute(
        "SELECT schema_name FROM duckdb_schemas() "
        "WHERE database_name = 'lake' AND schema_name IN ('main', 'restricted')"
    )
    assert len(con.fetchall()) == 2, "the lake has the schemas main and restricted"
    names = con.execute(
        "SELECT DISTINCT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake'"
    ).fetchall()
    meta = "__ducklake_metadata_lake"
    if version is not None:
        names = con.execute(
            f"""SELECT s.schema_name, t.table_name
                FROM {meta}.ducklake_table t JOIN {meta}.ducklake_schema s USING (schema_id)
                WHERE t.begin_snapshot <= $1
                  AND (t.end_snapshot IS NULL OR t.end_snapshot > $1)""",
            [version],
        ).fetchall()
    return sorted(names)


def read(con, schema, table, version):
    source = f'lake."{schema}"."{table}" AT (VERSION => {version})'
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    # count(*) alone is answered by the catalog: the ids make DuckDB open the files
    count, ids = con.execute(f"SELECT count(*), count(DISTINCT kho_id) FROM {source}").fetchone()
    # and this every value of every column
    every = ", ".join(f'max(hash("{column}"))' for column in columns)
    con.execute(f"SELECT {every} FROM {source}").fetchone()
    found = {"count": count, "ids": ids, "columns": columns}
    if "geometry" in columns:
        found |= geometry(con, source)
    return found


def geometry(con, source):
    row = con.execute(
        f"""SELECT count(geometry), count_if(ST_IsValid(geometry)),
                   list_sort(list_distinct(list(ST_GeometryType(geometry)::VARCHAR))),
                   min(ST_XMin(geometry)), min(ST_YMin(geometry)),
                   max(ST_XMax(geometry)), max(ST_YMax(geometry)),
                   sum(ST_Area_Spheroid(ST_FlipCoordinates(geometry)))
            FROM {source}"""
    ).fetchone()
    found = dict(zip(("geometries", "valid", "types"), row))
    found["bounds"] = list(row[3:7]) if row[3] is not None else None
    found["area_m2"] = row[7]
    if row[3] is not None:
        # a window of a fifth of the extent in the middle: goes through DuckDB's own file pruning
        x0, y0, x1, y1 = row[3:7]
        window = [x0 + (x1 - x0) * 0.4, y0 + (y1 - y0) * 0.4, x0 + (x1 - x0) * 0.6, y0 + (y1 - y0) * 0.6]
        box = "ST_MakeEnvelope($1, $2, $3, $4)"
        found["window"] = window
        found["in_window"] = con.execute(
            f"SELECT count(*) FROM {source} WHERE geometry && {box}", window
        ).fetchone()[0]
        # the same of every feature, which no file can be pruned for; boxes of && may be rounded outwards
        every = con.execute(
            f"""SELECT count_if(ST_XMin(geometry) <= $3 AND ST_XMax(geometry) >= $1
                            AND ST_YMin(geometry) <= $4 AND ST_YMax(geometry) >= $2) FROM {source}""",
            window,
        ).fetchone()[0]
        assert found["in_window"] >= every, f"{source}: {found['in_window']} of {every} in {window}"
    return found


def write_geometries(con, table, version, folder):
    """Every geometry of a table with its feature's id, as text that another engine can write too."""
    path = folder / str(version) / f"{table}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = con.execute(
        f"""SELECT kho_id, lower(hex(ST_AsWKB(geometry)::BLOB))
            FROM lake.main."{table}" AT (VERSION => {version}) ORDER BY kho_id"""
    )
    with path.open("w") as out:
        out.write("kho_id,wkb\n")
        while batch := rows.fetchmany(10_000):
            out.writelines(f"{kho_id},{wkb or ''}\n" for kho_id, wkb in batch)


def main():
    catalog, data_path = sys.argv[1:3]
    folder = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    con = connect(catalog, data_path)
    versions = [row[0] for row in con.execute("SELECT snapshot_id FROM lake.snapshots() ORDER BY 1").fetchall()]
    answer = {}
    for version in versions:
        found = answer[str(version)] = {}
        for schema, table in tables(con, version):
            found[f"{schema}.{table}"] = read(con, schema, table, version)
            if folder and "geometry" in found[f"{schema}.{table}"]["columns"]:
                write_geometries(con, table, version, folder)
    json.dump(answer, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
