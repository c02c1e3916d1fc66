//! Figures beside their bars, as a table or as JSON lines.

use serde_json::json;

/// What a figure has to keep to.
#[derive(Clone, Copy)]
pub enum Bar {
    /// Nothing: it is for information.
    None,
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

impl Bar {
    fn keeps(self, figure: f64) -> bool {
        match self {
            Bar::None => true,
            Bar::AtLeast(limit) => figure >= limit,
            Bar::AtMost(limit) => figure <= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Bar::None => String::new(),
            Bar::AtLeast(limit) => format!("≥ {limit}"),
            Bar::AtMost(limit) => format!("≤ {limit:.4}"),
        }
    }
}

/// Prints figures as they come, and counts those that miss their bars.
pub struct Report {
    json: bool,
    missed: Vec<String>,
}

impl Report {
    /// A report; `json`: one object a line.
    pub fn new(json: bool) -> Report {
        if !json {
            println!("{:<10} {:<44} {:>12}  {:<12} kept", "workload", "what", "figure", "bar");
        }
        Report { json, missed: Vec::new() }
    }

    /// One figure.
    pub fn add(&mut self, workload: &str, what: &str, figure: f64, bar: Bar) {
        let kept = bar.keeps(figure);
        if !kept {
            self.missed.push(format!("{workload}: {what}: {figure:.3}, not {}", bar.text()));
        }
        if self.json {
            let limit = bar.text();
            let line = json!({
                "workload": workload, "what": what, "figure": figure, "bar": limit, "kept": kept,
            });
            println!("{line}");
            return;
        }
        let shown = match bar {
            Bar::None => "",
            _ if kept => "yes",
            _ => "NO",
        };
        println!("{workload:<10} {what:<44} {figure:>12.3}  {:<12} {shown}", bar.text());
    }

    /// One figure without a bar.
    pub fn note(&mut self, workload: &str, what: &str, figure: f64) {
        self.add(workload, what, figure, Bar::None);
    }

    /// Says which bars were missed.
    pub fn finish(self) {
        if !self.json {
            println!("bars missed: {}", self.missed.len());
            self.missed.iter().for_each(|missed| println!("  {missed}"));
        }
    }
}
