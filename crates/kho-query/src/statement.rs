//! The first door: the text is exactly one SELECT, checked on the syntax tree before anything is
//! looked up.

use crate::QueryError;
use datafusion::sql::parser::{DFParserBuilder, ExplainStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    ObjectName, Query, Select, Statement as SqlStatement, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use std::ops::ControlFlow;

/// Functions that may stand in FROM. They make rows out of numbers and arrays and read nothing.
pub(crate) const TABLE_FUNCTIONS: &[&str] = &["generate_series", "range", "unnest"];

/// How deep expressions and subqueries may nest.
const DEPTH: usize = 50;

/// Reads `sql`. `explain` lets EXPLAIN and EXPLAIN ANALYZE in front of the SELECT: plans name
/// layers, columns and files that a stranger has no business with.
pub(crate) fn parse(sql: &str, explain: bool) -> Result<Statement, QueryError> {
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .with_recursion_limit(DEPTH)
        .build()
        .and_then(|mut parser| parser.parse_statements())?;
    let refuse = |what: &str| Err(QueryError::NotAQuery { what: what.to_owned() });
    let Some(statement) = statements.pop_front() else {
        return refuse("an empty text");
    };
    if !statements.is_empty() {
        return refuse("more than one statement");
    }
    match &statement {
        Statement::Statement(inner) => check(inner)?,
        Statement::Explain(ExplainStatement { statement: inner, .. }) if explain => match &**inner {
            Statement::Statement(inner) => check(inner)?,
            _ => return refuse("EXPLAIN of anything but a SELECT"),
        },
        Statement::Explain(_) => return refuse("EXPLAIN"),
        Statement::CopyTo(_) => return refuse("COPY"),
        Statement::CreateExternalTable(_) => return refuse("CREATE"),
        Statement::Reset(_) => return refuse("RESET"),
    }
    Ok(statement)
}

fn check(statement: &SqlStatement) -> Result<(), QueryError> {
    let SqlStatement::Query(query) = statement else {
        let text = statement.to_string();
        let what = text.split_whitespace().next().unwrap_or("this").to_uppercase();
        return Err(QueryError::NotAQuery { what });
    };
    match query.visit(&mut ReadOnly) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(QueryError::NotAQuery { what }),
    }
}

struct ReadOnly;

impl ReadOnly {
    fn refuse(what: impl Into<String>) -> ControlFlow<String> {
        ControlFlow::Break(what.into())
    }

    fn function(name: &ObjectName) -> ControlFlow<String> {
        let name = name.to_string().to_lowercase();
        if TABLE_FUNCTIONS.contains(&name.as_str()) {
            ControlFlow::Continue(())
        } else {
            Self::refuse(format!("the table function {name}"))
        }
    }
}

impl Visitor for ReadOnly {
    type Break = String;

    fn pre_visit_statement(&mut self, statement: &SqlStatement) -> ControlFlow<String> {
        // INSERT, UPDATE and DELETE can stand where a query can: WITH x AS (DELETE …).
        match statement {
            SqlStatement::Query(_) => ControlFlow::Continue(()),
            _ => Self::refuse("a statement that writes"),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if !query.locks.is_empty() {
            return Self::refuse("FOR UPDATE");
        }
        if query.settings.is_some() || query.format_clause.is_some() || query.for_clause.is_some() {
            return Self::refuse("SETTINGS, FORMAT or FOR");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        if select.into.is_some() {
            return Self::refuse("SELECT INTO");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: None, .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                Self::function(name)
            }
            _ => Self::refuse("this kind of FROM"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sql: &str) -> String {
        parse(sql, false).map_or_else(|e| e.to_string(), |_| "ok".into())
    }

    #[test]
    fn selects_pass() {
        for sql in [
            "select 1",
            "select 1;",
            "with a as (select 1 x) select * from a",
            "select * from land_parcel union all select * from land_parcel",
            "select * from generate_series(1, 3)",
            "select * from unnest([1, 2])",
            "values (1, 2)",
            "select (select max(x) from t) from t where exists (select 1 from u)",
        ] {
            assert_eq!(said(sql), "ok", "{sql}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for sql in [
            "",
            "select 1; select 2",
            "insert into t values (1)",
            "update t set a = 1",
            "delete from t",
            "drop table t",
            "create table t (a int)",
            "create external table t stored as parquet location '/etc'",
            "create function f(int) returns int return $1",
            "copy t to '/tmp/x.csv'",
            "copy (select 1) to '/tmp/x.csv'",
            "set datafusion.catalog.information_schema = true",
            "reset datafusion.catalog.information_schema",
            "show tables",
            "show all",
            "describe t",
            "explain select 1",
            "explain analyze select 1",
            "prepare p as select 1",
            "execute p",
            "begin",
            "truncate t",
            "select * into t from u",
            "with d as (delete from t returning *) select * from d",
            "select * from (insert into t values (1)) x",
            "select * from read_parquet('/etc/passwd')",
            "select * from glob('/*')",
            "select * from t for update",
        ] {
            assert_ne!(said(sql), "ok", "{sql}");
        }
    }

    #[test]
    fn explain_is_for_those_it_is_given_to() {
        assert!(parse("explain analyze select 1", true).is_ok());
        assert!(parse("explain copy t to 'x'", true).is_err());
        assert!(parse("explain explain select 1", true).is_err());
        assert!(parse("explain insert into t values (1)", true).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("select {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert!(said(&deep).contains("nested"), "{}", said(&deep));
    }
}
