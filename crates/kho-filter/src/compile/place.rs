//! A part of a filter in CQL2 text, for the message that says what is wrong with it.

use cql2::Expr;

/// So many characters are enough to find it.
const ENOUGH: usize = 60;

/// The beginning of an expression. Not the cql2 crate's own text: that prints the whole, and its
/// geometries go through a reader that trusts their coordinates to be there.
pub(super) fn place(expr: &Expr) -> String {
    let mut out = String::new();
    write(expr, &mut out);
    crate::parse::short(&out)
}

fn write(expr: &Expr, out: &mut String) {
    if out.len() > 4 * ENOUGH {
        return;
    }
    match expr {
        Expr::Operation { op, args } => match (op.as_str(), args.as_slice()) {
            ("not", [inner]) => {
                out.push_str("NOT ");
                write(inner, out);
            }
            ("isNull", [inner]) => {
                write(inner, out);
                out.push_str(" IS NULL");
            }
            ("between", [value, low, high]) => {
                write(value, out);
                out.push_str(" BETWEEN ");
                write(low, out);
                out.push_str(" AND ");
                write(high, out);
            }
            (op, args)
                if args.len() > 1
                    && (!starts_as_name(op) || ["and", "or", "like", "in", "div"].contains(&op)) =>
            {
                list(args, &format!(" {} ", op.to_uppercase()), out);
            }
            (op, args) => function(&op.to_uppercase(), args, out),
        },
        Expr::Interval { interval } => function("INTERVAL", interval, out),
        Expr::Timestamp { timestamp } => function("TIMESTAMP", std::slice::from_ref(timestamp), out),
        Expr::Date { date } => function("DATE", std::slice::from_ref(date), out),
        Expr::BBox { bbox } => function("BBOX", bbox, out),
        Expr::Array(items) => function("", items, out),
        Expr::Property { property } => out.push_str(property),
        Expr::Float(value) => out.push_str(&value.to_string()),
        Expr::Literal(text) => {
            out.push('\'');
            out.push_str(&crate::parse::short(text));
            out.push('\'');
        }
        Expr::Bool(value) => out.push_str(if *value { "TRUE" } else { "FALSE" }),
        Expr::Geometry(_) => out.push_str("a geometry"),
        Expr::Null => out.push_str("NULL"),
    }
}

fn starts_as_name(op: &str) -> bool {
    op.starts_with(|c: char| c.is_alphabetic())
}

fn function(name: &str, args: &[Box<Expr>], out: &mut String) {
    out.push_str(&crate::parse::short(name));
    out.push('(');
    list(args, ", ", out);
    out.push(')');
}

fn list(args: &[Box<Expr>], between: &str, out: &mut String) {
    for (n, arg) in args.iter().enumerate() {
        if out.len() > 4 * ENOUGH {
            return;
        }
        if n > 0 {
            out.push_str(between);
        }
        write(arg, out);
    }
}
