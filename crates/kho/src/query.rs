//! `kho query`.

use crate::args::Format;
use crate::context::{Context, LOCAL};
use kho_query::{Answer, Limits, QueryEngine, format};
use std::io::{IsTerminal as _, Write};
use std::time::Instant;

pub fn run(
    context: &Context,
    sql: &str,
    as_format: Format,
    snapshot: Option<i64>,
    repeat: u32,
) -> anyhow::Result<()> {
    let as_format = if context.json && as_format == Format::Table { Format::Json } else { as_format };
    let binary = matches!(as_format, Format::Arrow | Format::Parquet);
    if binary && std::io::stdout().is_terminal() {
        anyhow::bail!(
            "that format is not for a terminal; send it to a file: kho query … --format parquet > answer.parquet"
        );
    }
    let policy = context.policy()?;
    let lake = context.lake(policy.city())?;
    let engine = QueryEngine::new(lake, policy, Limits::default())?;
    let ask = async |out: &mut dyn Write| -> anyhow::Result<()> {
        write(engine.sql(&LOCAL, sql, snapshot).await?, as_format, out).await
    };
    context.wait(async {
        for n in 1..repeat {
            let start = Instant::now();
            ask(&mut std::io::sink()).await?;
            eprintln!("{n}: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
        }
        let start = Instant::now();
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        ask(&mut out).await?;
        out.flush()?;
        if repeat > 1 {
            eprintln!("{repeat}: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(())
    })
}

async fn write(answer: Answer, as_format: Format, mut out: &mut dyn Write) -> anyhow::Result<()> {
    match as_format {
        Format::Table => format::write_table(answer, &mut out).await?,
        Format::Json => format::write_json(answer, &mut out).await?,
        Format::Csv => format::write_csv(answer, &mut out).await?,
        Format::Arrow => format::write_arrow(answer, &mut out).await?,
        Format::Parquet => format::write_parquet(answer, &mut out).await?,
    }
    Ok(())
}
