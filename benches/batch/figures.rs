//! Medians and tables.

/// The middle one.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    percentile(&figures, 0.5)
}

/// The smallest figure that this share of all is not above. They are in order.
pub(crate) fn percentile(figures: &[f64], share: f64) -> f64 {
    let rank = (share * figures.len() as f64).ceil() as usize;
    figures
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Prints a heading, and rows of a name and its cells, in columns.
pub(crate) fn table(title: &str, columns: &[&str], rows: &[(String, Vec<String>)]) {
    println!("{title}");
    let first = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|(_, cells)| cells.get(index));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(column.chars().count())
        })
        .collect();
    let line = |name: &str, cells: &[&str]| {
        let cells = cells.iter().zip(&widths);
        let cells: String = cells
            .map(|(cell, width)| format!("  {cell:>width$}"))
            .collect();
        println!("  {name:first$}{cells}");
    };
    line("", columns);
    for (name, cells) in rows {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        line(name, &cells);
    }
    println!();
}
