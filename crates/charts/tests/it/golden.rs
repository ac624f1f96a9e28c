//! The bytes of small pictures.

use crate::scenes::{bars, over_time, percentiles};
use proofload_charts::{CSS, Cell, Ink, Scene, Series, Shape, Theme, png, svg, svg_file};

fn drawn(scene: &Scene) -> String {
    let mut text = String::new();
    svg(scene, &mut text);
    text
}

/// The wide and the narrow form.
fn forms(page: &str) -> (&str, &str) {
    let at = page.rfind("<svg ").unwrap();
    (page[..at].trim_end(), &page[at..])
}

#[test]
fn small_scenes_have_these_bytes() {
    insta::assert_snapshot!("over_time", drawn(&over_time()));
    insta::assert_snapshot!("bars", forms(&drawn(&bars(["req-1", "req-2", "req-3"]))).0);
    insta::assert_snapshot!("percentiles", forms(&drawn(&percentiles())).0);
}

#[test]
fn a_page_has_one_form_for_wide_screens_and_one_for_narrow_ones() {
    let page = drawn(&over_time());
    let (wide, narrow) = forms(&page);
    for (form, class, width) in [(wide, "pc-wide", 880), (narrow, "pc-narrow", 420)] {
        assert!(form.contains(&format!("class=\"pc {class}\"")), "{form}");
        assert!(form.contains(&format!("viewBox=\"0 0 {width} ")), "{form}");
        assert!(form.ends_with("</svg>") && !form.contains(" width="), "{form}");
        for text in ["SLO 100 ms", "SLO 10 s, beyond the axis", "warm-up"] {
            assert!(form.contains(&format!(">{text}</text>")), "{class}: {text}");
        }
    }
}

#[test]
fn words_stand_in_a_rectangle_where_they_fit() {
    let (wide, narrow) = (0.0..1_450.0, 0.0..60.0);
    let inside = |x: std::ops::Range<f64>| {
        let cell = Cell { x: (x.start, x.end), y: (0.6, 1.4) };
        Series::new("", Ink::Blue, Shape::Inside { cell, text: "52 %".to_owned() })
    };
    for (x, count) in [(wide, 1), (narrow, 0)] {
        let mut scene = bars(["a", "b", "c"]);
        scene.panels[0].series.push(inside(x.clone()));
        let page = drawn(&scene);
        let found = forms(&page).0.matches("class=\"pc-on-blue pc-mid\"").count();
        assert_eq!(found, count, "{x:?}");
    }
}

#[test]
fn the_same_scene_gives_the_same_bytes() {
    assert_eq!(drawn(&over_time()), drawn(&over_time()));
    for theme in [Theme::Light, Theme::Dark] {
        let picture = || png(&over_time(), theme, 2).unwrap();
        assert_eq!(picture(), picture());
    }
}

#[test]
fn text_from_outside_stays_text() {
    let long = format!("\u{202e}{} at its end", "a very long name ".repeat(30));
    let text = drawn(&bars(["</text><script>alert(1)</script>", "a \"b\" & 'c'\u{1b}[31m", &long]));
    assert!(!text.contains("<script") && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
    assert!(text.contains("&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "{text}");
    assert!(
        text.contains("a very") && text.contains("…") && text.contains("at its end<"),
        "{text}"
    );
    assert!(!text.contains(&long[4..200]), "{text}");
    assert!(text.contains("a &quot;b&quot; &amp; &#39;c&#39;"), "{text}");
}

#[test]
fn a_picture_in_a_page_has_classes_and_no_style_and_a_file_has_both() {
    let scene = over_time();
    let (page, mut file) = (drawn(&scene), String::new());
    svg_file(&scene, &mut file);
    for wanted in ["role=\"img\"", "viewBox=", "<title>Latency over time</title>", "<desc>"] {
        assert!(page.contains(wanted) && file.contains(wanted), "{wanted}");
    }
    assert!(!page.contains("style") && !page.contains('#'), "{page}");
    assert!(!page.contains(" id="), "charts of one page cannot collide: {page}");
    assert!(file.contains(CSS));
    for class in page.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        for class in class.split(' ') {
            assert!(CSS.contains(&format!(".{class}{{")), "{class} has no rule");
        }
    }
}
