//! The bytes of small pictures.

use crate::scenes::{bars, over_time, percentiles};
use proofload_charts::{CSS, Scene, Theme, png, svg, svg_file};

fn drawn(scene: &Scene) -> String {
    let mut text = String::new();
    svg(scene, &mut text);
    text
}

#[test]
fn small_scenes_have_these_bytes() {
    insta::assert_snapshot!("over_time", drawn(&over_time()));
    insta::assert_snapshot!("bars", drawn(&bars(["req-1", "req-2", "req-3"])));
    insta::assert_snapshot!("percentiles", drawn(&percentiles()));
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
    let text = drawn(&bars(["</text><script>alert(1)</script>", "a \"b\" & 'c'", "\u{1b}[31m"]));
    assert!(!text.contains("<script") && !text.contains('\u{1b}'), "{text}");
    assert!(text.contains("&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "{text}");
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
    assert!(file.contains(CSS));
    for class in page.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        for class in class.split(' ') {
            assert!(CSS.contains(&format!(".{class}{{")), "{class} has no rule");
        }
    }
}
