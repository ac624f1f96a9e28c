//! The scripts: one file each, behind the same prelude. Their heads say what goes in and what comes out.

use std::sync::LazyLock;

use crate::wire::Script;

macro_rules! scripts {
    ($($name:ident $file:literal;)*) => {$(
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new($file, concat!(include_str!("prelude.lua"), include_str!(concat!($file, ".lua"))))
        });
    )*};
}

scripts! {
    ACK "ack";
    BEAT "beat";
    BURY "bury";
    CREATE "create";
    DISCARD "discard";
    ENQUEUE "enqueue";
    EXCHANGE "exchange";
    FETCH "fetch";
    JOIN "join";
    PUT_WORKER "put_worker";
    RECONCILE "reconcile";
    RECOVER "recover";
    REFUSE "refuse";
    RELEASE "release";
    REMOVE_WORKER "remove_worker";
    RENEW "renew";
    REPORT "report";
    REQUEUE "requeue";
    SET_STATUS "set_status";
}
