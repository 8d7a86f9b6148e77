//! The sqllogictest files: executable documentation of what can be asked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::common;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use kho_access::Principal;
use kho_query::{Limits, QueryEngine, QueryError, format};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

struct Db {
    engine: QueryEngine,
    who: Principal,
}

#[async_trait]
impl AsyncDB for Db {
    type Error = QueryError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, QueryError> {
        let answer = self.engine.sql(&self.who, sql, None).await?;
        let schema = answer.schema.clone();
        let types = schema.fields().iter().map(|f| match f.data_type() {
            DataType::Float64 | DataType::Float32 => DefaultColumnType::FloatingPoint,
            t if t.is_integer() => DefaultColumnType::Integer,
            _ => DefaultColumnType::Text,
        });
        let types = types.collect();
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in answer.collect().await? {
            for row in 0..batch.num_rows() {
                let mut cells = Vec::new();
                for (field, column) in schema.fields().iter().zip(batch.columns()) {
                    let text =
                        if field.metadata().contains_key("ARROW:extension:name") && column.is_valid(row) {
                            let bytes = arrow::compute::cast(column, &DataType::Binary)?;
                            let bytes = arrow::array::AsArray::as_binary::<i32>(&bytes).value(row).to_vec();
                            format::wkt(&bytes).unwrap()
                        } else {
                            ArrayFormatter::try_new(column, &options)?.value(row).to_string()
                        };
                    cells.push(if text.is_empty() { "(empty)".to_owned() } else { text });
                }
                rows.push(cells);
            }
        }
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}
}

async fn run(folder: &str, who: Principal) {
    let city = common::small().await;
    let engine = city.engine(Limits { max_rows: Some(1000), ..Limits::default() });
    let mut files: Vec<_> =
        std::fs::read_dir(common::folder().join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let mut runner = Runner::new(|| {
            let db = Db { engine: engine.clone(), who: who.clone() };
            async move { Ok(db) }
        });
        if let Err(e) = runner.run_file_async(&file).await {
            panic!("{e}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line() {
    run("local", Principal::LocalCli).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers() {
    run("anonymous", Principal::Anonymous).await;
}
