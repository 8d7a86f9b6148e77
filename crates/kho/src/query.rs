//! `kho query`.

use crate::args::Format;
use crate::context::{Context, LOCAL};
use kho_query::{Limits, QueryEngine, format};
use std::io::{IsTerminal as _, Write};

pub fn run(context: &Context, sql: &str, as_format: Format, snapshot: Option<i64>) -> anyhow::Result<()> {
    let as_format = if context.json && as_format == Format::Table { Format::Json } else { as_format };
    let binary = matches!(as_format, Format::Arrow | Format::Parquet);
    if binary && std::io::stdout().is_terminal() {
        anyhow::bail!("that format is not for a terminal; send it to a file: kho query … --format parquet > answer.parquet");
    }
    let policy = context.policy()?;
    let lake = context.lake(policy.city())?;
    let engine = QueryEngine::new(lake, policy, Limits::default())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    context.wait(async {
        let answer = engine.sql(&LOCAL, sql, snapshot).await?;
        match as_format {
            Format::Table => format::write_table(answer, &mut out).await?,
            Format::Json => format::write_json(answer, &mut out).await?,
            Format::Csv => format::write_csv(answer, &mut out).await?,
            Format::Arrow => format::write_arrow(answer, &mut out).await?,
            Format::Parquet => format::write_parquet(answer, &mut out).await?,
        }
        out.flush()?;
        Ok(())
    })
}
