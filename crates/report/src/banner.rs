//! SIMULATED, in letters that nobody overlooks.

/// The word, five lines high.
const LETTERS: [&str; 5] = [
    " ####  ###  #   #  #   #  #       ###   #####  #####  ####",
    "#       #   ## ##  #   #  #      #   #    #    #      #   #",
    " ###    #   # # #  #   #  #      #####    #    ####   #   #",
    "    #   #   #   #  #   #  #      #   #    #    #      #   #",
    "####   ###  #   #   ###   #####  #   #    #    #####  ####",
];

/// The word as large as `columns` allow, a line each.
pub(crate) fn simulated(columns: usize) -> Vec<&'static str> {
    if LETTERS.iter().all(|line| line.len() <= columns) {
        LETTERS.to_vec()
    } else {
        vec!["S I M U L A T E D"]
    }
}
