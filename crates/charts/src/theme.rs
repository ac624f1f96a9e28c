//! Colours: of the style sheet and of the PNG.

use crate::scene::{Dash, Ink};

/// The style sheet of every SVG of ours: light, dark by the reader's own setting, and light on
/// paper. A page that holds several charts holds it once; it may set the colours itself, which are
/// the custom properties `--pc-…` of class `pc`.
pub const CSS: &str = include_str!("style.css");

/// The colours of a PNG, which cannot follow the reader's setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// Dark on white.
    #[default]
    Light,
    /// Light on nearly black.
    Dark,
}

/// Red, green and blue.
pub(crate) type Rgb = [u8; 3];

/// How see-through a thin fill is, of 1.
pub(crate) const THIN: f32 = 0.25;

impl Theme {
    pub(crate) const fn paper(self) -> Rgb {
        match self {
            Self::Light => rgb(0xff_ff_ff),
            Self::Dark => rgb(0x15_18_1d),
        }
    }

    pub(crate) const fn text(self) -> Rgb {
        match self {
            Self::Light => rgb(0x1b_1f_24),
            Self::Dark => rgb(0xe8_ea_ed),
        }
    }

    pub(crate) const fn note(self) -> Rgb {
        match self {
            Self::Light => rgb(0x57_60_6a),
            Self::Dark => rgb(0xa9_b1_bb),
        }
    }

    pub(crate) const fn grid(self) -> Rgb {
        match self {
            Self::Light => rgb(0xe6_e9_ed),
            Self::Dark => rgb(0x2c_31_38),
        }
    }

    pub(crate) const fn axis(self) -> Rgb {
        match self {
            Self::Light => rgb(0x8c_95_9f),
            Self::Dark => rgb(0x6e_76_81),
        }
    }

    /// What is written on an ink.
    pub(crate) const fn on(self, ink: Ink) -> Rgb {
        match (self, ink) {
            (Self::Light, Ink::Blue | Ink::Brown | Ink::Slate) => rgb(0xff_ff_ff),
            (Self::Light, _) => rgb(0x1b_1f_24),
            (Self::Dark, Ink::Sky) => rgb(0xe8_ea_ed),
            (Self::Dark, _) => rgb(0x15_18_1d),
        }
    }

    /// The inks are those of M. Okabe and K. Ito, "Color Universal Design" (2008), brightened where
    /// the paper is dark; brown and slate are ours.
    pub(crate) const fn ink(self, ink: Ink) -> Rgb {
        match (self, ink) {
            (Self::Light, Ink::Blue) => rgb(0x00_72_b2),
            (Self::Light, Ink::Amber) => rgb(0xe6_9f_00),
            (Self::Light, Ink::Green) => rgb(0x00_9e_73),
            (Self::Light, Ink::Purple) => rgb(0xcc_79_a7),
            (Self::Light, Ink::Sky) => rgb(0x8f_cb_f0),
            (Self::Light, Ink::Yellow) => rgb(0xf0_e4_42),
            (Self::Light, Ink::Brown) => rgb(0x8c_55_2b),
            (Self::Light, Ink::Slate) => rgb(0x44_50_6b),
            (Self::Light, Ink::Grey) => rgb(0xa9_b1_bb),
            (Self::Light, Ink::Failure) => rgb(0xd0_3b_00),
            (Self::Light, Ink::Limit) => rgb(0x1b_1f_24),
            (Self::Dark, Ink::Blue) => rgb(0x3f_9f_dd),
            (Self::Dark, Ink::Amber) => rgb(0xf2_b5_3a),
            (Self::Dark, Ink::Green) => rgb(0x2c_c3_97),
            (Self::Dark, Ink::Purple) => rgb(0xdf_97_c0),
            (Self::Dark, Ink::Sky) => rgb(0x2b_5d_84),
            (Self::Dark, Ink::Yellow) => rgb(0xf0_e4_42),
            (Self::Dark, Ink::Brown) => rgb(0xb9_7b_4a),
            (Self::Dark, Ink::Slate) => rgb(0x8f_9f_c4),
            (Self::Dark, Ink::Grey) => rgb(0x6e_76_81),
            (Self::Dark, Ink::Failure) => rgb(0xff_6a_3d),
            (Self::Dark, Ink::Limit) => rgb(0xe8_ea_ed),
        }
    }
}

const fn rgb(hex: u32) -> Rgb {
    [(hex >> 16) as u8, (hex >> 8) as u8, hex as u8]
}

/// Dashes and the gaps between them, in the picture's units.
pub(crate) const fn dashes(dash: Dash) -> &'static [f32] {
    match dash {
        Dash::Solid => &[],
        Dash::Dashed => &[6.0, 4.0],
        Dash::Dotted => &[1.5, 3.5],
    }
}

/// The class of an ink in the style sheet.
pub(crate) const fn class(ink: Ink) -> &'static str {
    match ink {
        Ink::Blue => "pc-blue",
        Ink::Amber => "pc-amber",
        Ink::Green => "pc-green",
        Ink::Purple => "pc-purple",
        Ink::Sky => "pc-sky",
        Ink::Yellow => "pc-yellow",
        Ink::Brown => "pc-brown",
        Ink::Slate => "pc-slate",
        Ink::Grey => "pc-grey",
        Ink::Failure => "pc-failure",
        Ink::Limit => "pc-limit",
    }
}

#[cfg(test)]
mod tests {
    use super::{CSS, Theme, class};
    use crate::scene::Ink;

    const INKS: [Ink; 11] = [
        Ink::Blue,
        Ink::Amber,
        Ink::Green,
        Ink::Purple,
        Ink::Sky,
        Ink::Yellow,
        Ink::Brown,
        Ink::Slate,
        Ink::Grey,
        Ink::Failure,
        Ink::Limit,
    ];

    #[test]
    fn the_style_sheet_and_the_png_have_the_same_colours() {
        let (light, dark) = CSS.split_once("@media").unwrap();
        for (theme, sheet) in [(Theme::Light, light), (Theme::Dark, dark)] {
            let colour = |name: &str, [r, g, b]: [u8; 3]| {
                let set = format!("--{name}:#{r:02x}{g:02x}{b:02x}");
                assert!(sheet.contains(&set), "{theme:?}: {set}");
            };
            for ink in INKS {
                colour(class(ink), theme.ink(ink));
                assert!(CSS.contains(&format!(".{0}{{color:var(--{0})}}", class(ink))));
            }
            colour("pc-paper", theme.paper());
            colour("pc-grid", theme.grid());
            colour("pc-axis", theme.axis());
            colour("pc-text", theme.text());
            colour("pc-note", theme.note());
            colour("pc-on-blue", theme.on(Ink::Blue));
            colour("pc-on-sky", theme.on(Ink::Sky));
            colour("pc-on", theme.on(Ink::Amber));
        }
    }
}
