//! Values of a style: ramps over the zoom, widths by column, colours by code.

use std::collections::BTreeMap;

use kho_access::Grant;
use kho_layer::City;
use serde_json::{Value, json};

use super::theme::{Look, Ramp};

/// What draws a feature whose code has no colour, or whose layer says none.
const PLAIN: &str = "#8a8f98";
/// How fast ramps rise: the base of their interpolation.
const BASE: f64 = 1.5;
/// Metres a pixel at the equator at zoom 0, with 512 pixels a tile.
const METRES_A_PIXEL: f64 = 78_271.517;

/// A ramp, each value changed by `value`.
pub(super) fn ramp(ramp: &Ramp, value: impl Fn(f64) -> Value) -> Value {
    match ramp {
        Ramp::Flat(v) => value(*v),
        Ramp::Stops(stops) => match stops.as_slice() {
            // One stop, or none, is no ramp.
            [] => value(0.0),
            [(_, v)] => value(*v),
            stops => interpolate(BASE, stops.iter().map(|&(zoom, v)| (zoom, value(v)))),
        },
    }
}

/// A ramp's value at a zoom, as the map reckons it.
pub(super) fn at(ramp: &Ramp, zoom: f64) -> f64 {
    let stops: &[(f64, f64)] = match ramp {
        Ramp::Flat(v) => return *v,
        Ramp::Stops(stops) => stops,
    };
    match stops.iter().position(|(z, _)| *z > zoom) {
        Some(0) => stops[0].1,
        Some(next) => {
            let [(from, low), (to, high)] = [stops[next - 1], stops[next]];
            let share = (BASE.powf(zoom - from) - 1.0) / (BASE.powf(to - from) - 1.0);
            low + share * (high - low)
        }
        None => stops.last().map_or(0.0, |(_, v)| *v),
    }
}

fn interpolate(base: f64, stops: impl Iterator<Item = (f64, Value)>) -> Value {
    let mut expression = vec![json!("interpolate"), json!(["exponential", base]), json!(["zoom"])];
    for (zoom, value) in stops {
        expression.extend([json!(zoom), value]);
    }
    Value::Array(expression)
}

/// The width of a line, `extra` pixels wider.
pub(super) fn width(look: &Look, grant: &Grant, city: &City, usual: f64, extra: f64) -> Value {
    let flat = Ramp::Flat(grant.layer().style.width.unwrap_or(usual));
    let widths = look.width.as_ref().unwrap_or(&flat);
    let by = look.width_by.as_ref().filter(|by| grant.allows(&by.column) && !by.factor.is_empty());
    let wider = |value: Value| if extra == 0.0 { value } else { json!(["+", value, extra]) };
    let pixels = |v: f64| {
        let Some(by) = by else { return json!(v + extra) };
        let mut factor = vec![json!("match"), json!(["to-string", ["get", by.column]])];
        for (code, f) in &by.factor {
            factor.extend([json!(code), json!(f)]);
        }
        factor.push(json!(1));
        wider(json!(["*", v, factor]))
    };
    let Some(metres) = look.width_metres.as_ref().filter(|metres| grant.allows(&metres.column)) else {
        return ramp(widths, pixels);
    };
    let below: Vec<(f64, f64)> = match widths {
        Ramp::Flat(v) => vec![(0.0, *v)],
        Ramp::Stops(stops) => stops.clone(),
    };
    let below =
        below.into_iter().filter(|(zoom, _)| *zoom < metres.from_zoom).map(|(zoom, v)| (zoom, pixels(v)));
    let cos = city.config.center[1].to_radians().cos();
    let ground = [metres.from_zoom, 22.0].into_iter().map(|zoom| {
        let pixel = METRES_A_PIXEL * cos / zoom.exp2();
        (zoom, wider(json!(["/", ["coalesce", ["get", metres.column], 4], pixel])))
    });
    interpolate(2.0, below.chain(ground))
}

/// The column whose codes colour a layer, if it may be read.
pub(super) fn by<'a>(look: &'a Look, grant: &'a Grant) -> Option<&'a str> {
    let by = look.by.as_ref().or(grant.layer().style.by.as_ref())?;
    (!by.is_empty() && grant.allows(by)).then_some(by.as_str())
}

/// The plain colour of a layer.
pub(super) fn plain(look: &Look, grant: &Grant) -> String {
    look.color.clone().or_else(|| grant.layer().style.color.clone()).unwrap_or_else(|| PLAIN.to_owned())
}

/// The colours of a layer's codes: the code list's, in its order, with the theme's on top.
pub(super) fn codes(look: &Look, grant: &Grant, city: &City) -> Vec<(String, String)> {
    let Some(by) = by(look, grant) else { return Vec::new() };
    let list = grant.layer().column(by).and_then(|c| c.code_list.as_ref()).and_then(|l| city.code_list(l));
    let mut own: BTreeMap<&String, &String> = look.colors.iter().collect();
    let mut colors = Vec::new();
    for entry in list.iter().flat_map(|list| &list.entries) {
        let color = own.remove(&entry.code).or(entry.color.as_ref());
        colors.extend(color.map(|color| (entry.code.clone(), color.clone())));
    }
    colors.extend(own.into_iter().map(|(code, color)| (code.clone(), color.clone())));
    colors
}

/// The colour of a feature.
pub(super) fn color(look: &Look, grant: &Grant, city: &City) -> Value {
    let plain = plain(look, grant);
    let (Some(by), codes) = (by(look, grant), codes(look, grant, city)) else { return json!(plain) };
    if codes.is_empty() {
        return json!(plain);
    }
    let mut expression = vec![json!("match"), json!(["to-string", ["get", by]])];
    for (code, color) in codes {
        expression.extend([json!(code), json!(color)]);
    }
    expression.push(json!(plain));
    Value::Array(expression)
}

/// The colour of the outline, if there is one.
pub(super) fn outline<'a>(look: &'a Look, grant: &'a Grant) -> Option<&'a str> {
    look.outline.as_deref().or(grant.layer().style.outline.as_deref()).filter(|color| !color.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps() {
        let same = |v: f64| json!(v);
        assert_eq!(ramp(&Ramp::Flat(2.0), same), json!(2.0));
        assert_eq!(ramp(&Ramp::Stops(vec![(10.0, 2.0)]), same), json!(2.0));
        assert_eq!(
            ramp(&Ramp::Stops(vec![(10.0, 1.0), (12.0, 2.0)]), same),
            json!(["interpolate", ["exponential", 1.5], ["zoom"], 10.0, 1.0, 12.0, 2.0])
        );
        let two = Ramp::Stops(vec![(10.0, 1.0), (12.0, 2.0)]);
        assert_eq!([9.0, 10.0, 11.0, 12.0, 20.0].map(|zoom| at(&two, zoom)), [1.0, 1.0, 1.4, 2.0, 2.0]);
        assert_eq!((at(&Ramp::Flat(3.0), 5.0), at(&Ramp::Stops(Vec::new()), 5.0)), (3.0, 0.0));
    }
}
