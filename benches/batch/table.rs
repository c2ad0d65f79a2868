//! Tables.

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
